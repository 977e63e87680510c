/**
 * Two numbers that should be one, and how plainly a reader sees that they are not: 3.1e-17 beside 2.9e-17 reads as noise, 0.5 beside 0.75 as a mistake.
 */

/** A number that is wrong. */
export class Mismatch extends Error {
  /** By how much of the larger of the two it is off; of 10⁻³ where both are smaller. Infinity where one of them is not finite. */
  readonly visible: number;

  constructor(message: string, found: number, expected: number) {
    super(message);
    this.name = "Mismatch";
    const off = Math.abs(found - expected) / Math.max(Math.abs(found), Math.abs(expected), 1e-3);
    this.visible = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
  }
}

/** How visible a failure is; what is no matter of numbers is plain to see. */
export function visibility(error: unknown): number {
  if (error instanceof Mismatch) return error.visible;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? Number.POSITIVE_INFINITY : visibility(cause);
}

const short = (x: number, digits: number): number => Number(x.toPrecision(digits));

/** Two different numbers as texts, with no more digits than it takes to see the difference; four at least, where there are as many. */
export function pair(found: number, expected: number): readonly [found: string, expected: string] {
  for (let digits = 4; digits < 17; digits++) {
    const [a, b] = [short(found, digits), short(expected, digits)];
    if (!(Math.abs(a - b) < 0.9 * Math.abs(found - expected))) return [`${a}`, `${b}`];
  }
  return [`${found}`, `${expected}`];
}

/** A tolerance, of which only the size matters. */
export const about = (tolerance: number): string => `± ${short(tolerance, 2)}`;
