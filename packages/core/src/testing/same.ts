/**
 * Runs that must be one, number for number.
 */
import { Mismatch, pair } from "./mismatch.js";
import type { Trace } from "./traces.js";

/**
 * Expects the same numbers in everything that the second trace has (0 and −0 are one number); one number may stand for all.
 *
 * @param tolerance Relative to the largest number of an array; 0 for the same bits.
 */
export function expectSame(what: string, actual: Trace, expected: Trace, tolerance = 0): void {
  const at = (numbers: ArrayLike<number>, i: number): number => numbers[numbers.length === 1 ? 0 : i] as number;
  for (const [t, snapshot] of expected.entries()) {
    for (const [name, values] of Object.entries(snapshot)) {
      const now = actual[t]?.[name];
      if (now === undefined) throw new Error(`${what}: ${name} is missing after step ${t + 1}`);
      const size = Math.min(values.length, now.length) && Math.max(values.length, now.length);
      const largest = Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-9);
      for (let i = 0; i < size; i++) {
        const [is, should] = [at(now, i), at(values, i)];
        if (Object.is(is, should) || Math.abs(is - should) <= tolerance * largest) continue;
        const [found, wanted] = pair(is, should);
        throw new Mismatch(
          `${what}: ${name}, element ${i}, is ${found} after step ${t + 1}; expected ${wanted}`,
          is,
          should,
        );
      }
    }
  }
}
