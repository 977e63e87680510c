/**
 * Measuring two things against each other: in turns in one run, so that whatever slows the machine slows both, and by the median, so
 * that a hiccup counts for nothing.
 */

/** One row of the table. */
export interface Row {
  /** What is compared. */
  readonly row: string;
  /** The work that both do. */
  readonly work: string;
  /** What it is compared with. */
  readonly peer: string;
  /** Median milliseconds of ours, and of the peer; null where the ratio is not one of times. */
  readonly oursMs: number | null;
  readonly peerMs: number | null;
  /** oursMs / peerMs: below 1 is faster; null where measuring failed (`work` then says why). */
  readonly ratio: number | null;
  /** What the ratio should be, such as "≥ 7× faster" or "≤ 1.9×"; null where nothing was set. */
  readonly target: string | null;
  readonly met: boolean | null;
}

/** The row of something that could not be measured. */
export const failed = (name: string, error: Error): Row => ({
  row: name,
  work: `failed: ${error.message}`,
  peer: "",
  oursMs: null,
  peerMs: null,
  ratio: null,
  target: null,
  met: false,
});

/** What a ratio should be: so many times faster than the peer at least, or at most so many times as slow. */
export type Target = { readonly faster: number } | { readonly atMost: number };

/** Something to measure. */
export interface Contender {
  /** Does the work, waits for it, and returns the milliseconds that it took each time. */
  readonly time: () => number | Promise<number>;
  readonly dispose: () => void | Promise<void>;
}

/** A contender that works in this thread, and does its work so many times in a turn. */
export function local(step: () => unknown, dispose: () => void = () => {}, times = 1): Contender {
  return {
    time() {
      const started = performance.now();
      for (let i = 0; i < times; i++) step();
      return (performance.now() - started) / times;
    },
    dispose,
  };
}

/** The middle one. */
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** The target as text, and whether the ratio meets it. */
export function judged(ratio: number, target: Target | undefined): Pick<Row, "target" | "met"> {
  if (!target) return { target: null, met: null };
  return "faster" in target
    ? { target: `≥ ${target.faster}× faster`, met: 1 / ratio >= target.faster }
    : { target: `≤ ${target.atMost}×`, met: ratio <= target.atMost };
}

/** What a row says besides its numbers. */
export interface Question {
  readonly row: string;
  readonly work: string;
  readonly peer: string;
  readonly target?: Target;
  /** Rounds that count; a few more come before, to warm up. */
  readonly rounds: number;
  /** What the peer's time is multiplied by before the ratio is taken. */
  readonly peerTimes?: number;
}

/** Measures ours and the peer in turns, after a warm-up of each, and disposes of both. */
export async function compare(question: Question, ours: Contender, theirs: Contender): Promise<Row> {
  const { row, work, peer, target, rounds, peerTimes = 1 } = question;
  const times: [number[], number[]] = [[], []];
  try {
    for (let round = -Math.max(Math.min(5, rounds), Math.floor(rounds / 4)); round < rounds; round++) {
      for (const [i, contender] of [ours, theirs].entries()) {
        const ms = await contender.time();
        if (round >= 0) times[i as 0 | 1].push(ms);
      }
    }
  } finally {
    await ours.dispose();
    await theirs.dispose();
  }
  const oursMs = median(times[0]);
  const peerMs = median(times[1]) * peerTimes;
  const ratio = oursMs / peerMs;
  return { row, work, peer, oursMs, peerMs, ratio, ...judged(ratio, target) };
}

/** A row to be: its name, and how it is measured. */
export interface Benchmark {
  readonly name: string;
  /** Roughly how long it takes, in seconds; for the progress display. */
  readonly seconds: number;
  readonly run: () => Promise<Row>;
}
