/**
 * Measuring two things against each other: in turns in one process, so that whatever slows the machine slows both, and by the median, so
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
  /** Median milliseconds of ours, and of the peer. */
  readonly oursMs: number;
  readonly peerMs: number;
  /** oursMs / peerMs: below 1 is faster. */
  readonly ratio: number;
}

/** Something to measure: one call does the work once and waits for it. */
export interface Contender {
  readonly step: () => void;
  readonly dispose: () => void;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** Measures ours and the peer in turns, after a warm-up of each. */
export function compare(
  what: Pick<Row, "row" | "work" | "peer">,
  ours: Contender,
  theirs: Contender,
  rounds: number,
): Row {
  const times: [number[], number[]] = [[], []];
  for (let round = -3; round < rounds; round++) {
    for (const [i, { step }] of [ours, theirs].entries()) {
      const started = performance.now();
      step();
      if (round >= 0) times[i as 0 | 1].push(performance.now() - started);
    }
  }
  ours.dispose();
  theirs.dispose();
  const [oursMs, peerMs] = times.map(median) as [number, number];
  return { ...what, oursMs, peerMs, ratio: oursMs / peerMs };
}
