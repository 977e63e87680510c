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
  /** The same of the processor's time, where each works in a process of its own; the ratio of one thread to one is that of these. */
  readonly oursCpuMs: number | null;
  readonly peerCpuMs: number | null;
  /** Ours divided by the peer's: below 1 is faster; null where nothing was measured (`work` then says why). */
  readonly ratio: number | null;
  /** What the ratio should be, such as "≥ 7× faster" or "≤ 1.9×"; null where nothing was set. */
  readonly target: string | null;
  readonly met: boolean | null;
}

/** A row without numbers. */
export const empty = (row: string, work: string, peer = "", met: boolean | null = null): Row => ({
  row,
  work,
  peer,
  oursMs: null,
  peerMs: null,
  oursCpuMs: null,
  peerCpuMs: null,
  ratio: null,
  target: null,
  met,
});

/** The row of something that could not be measured. */
export const failed = (name: string, error: Error): Row => empty(name, `failed: ${error.message}`, "", false);

/** What a ratio should be: so many times faster than the peer at least, or at most so many times as slow. */
export type Target = { readonly faster: number } | { readonly atMost: number };

/** Milliseconds by the clock and of the processor. */
export interface Time {
  readonly wall: number;
  readonly cpu: number;
}

/** Something to measure. */
export interface Contender {
  /** Does the work, waits for it, and returns the milliseconds that it took each time: where two numbers are given, by the clock and of the processor. */
  readonly time: () => number | Time | Promise<number | Time>;
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

/** Times each in turns, after a warm-up, and returns the medians of each; `cpu` is NaN where a contender does not tell it. */
export async function inTurns(contenders: readonly Contender[], rounds: number, warmUp: number): Promise<Time[]> {
  const times = contenders.map(() => ({ wall: [] as number[], cpu: [] as number[] }));
  for (let round = -warmUp; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const time = await contender.time();
      if (round < 0) continue;
      times[i]?.wall.push(typeof time === "number" ? time : time.wall);
      times[i]?.cpu.push(typeof time === "number" ? Number.NaN : time.cpu);
    }
  }
  return times.map(({ wall, cpu }) => ({ wall: median(wall), cpu: median(cpu) }));
}

/** Measures ours and the peer in turns, after a warm-up of each, and disposes of both. */
export async function compare(question: Question, ours: Contender, theirs: Contender): Promise<Row> {
  const { row, work, peer, target, rounds, peerTimes = 1 } = question;
  try {
    const warmUp = Math.max(Math.min(5, rounds), Math.floor(rounds / 4));
    const [our, their] = (await inTurns([ours, theirs], rounds, warmUp)) as [Time, Time];
    const [oursMs, peerMs] = [our.wall, their.wall * peerTimes];
    return { ...empty(row, work, peer), oursMs, peerMs, ratio: oursMs / peerMs, ...judged(oursMs / peerMs, target) };
  } finally {
    await ours.dispose();
    await theirs.dispose();
  }
}

/** A row to be: its name, and how it is measured. */
export interface Benchmark {
  readonly name: string;
  /** Roughly how long it takes, in seconds; for the progress display. */
  readonly seconds: number;
  readonly run: () => Promise<Row | Row[]>;
}
