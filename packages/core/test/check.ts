/**
 * How this repository's own properties are run: on a fixed number of cases, the same in every run.
 */
import fc from "fast-check";

/** The seed of every property; another one draws other cases. fast-check prints it, with the path to the case, on failure. */
const seed = Number(process.env.HYPERGRAD_SEED ?? 1);

/** A factor on the number of cases of every property, for a longer search. */
const effort = Number(process.env.HYPERGRAD_EFFORT ?? 1);

/** How many smaller cases are tried when one fails: enough to see the reason, and soon over. */
const SHRINKS = 200;

/** Asserts a property on a fixed number of cases. */
export function check<T>(arbitrary: fc.Arbitrary<T>, runs: number, property: (x: T) => void): void {
  const limited = fc.limitShrink(arbitrary, SHRINKS);
  fc.assert(fc.property(limited, property), { seed, numRuns: Math.ceil(runs * effort) });
}

/** Asserts an asynchronous property on a fixed number of cases. */
export async function checkAsync<T>(
  arbitrary: fc.Arbitrary<T>,
  runs: number,
  property: (x: T) => Promise<void>,
): Promise<void> {
  const limited = fc.limitShrink(arbitrary, SHRINKS);
  await fc.assert(fc.asyncProperty(limited, property), { seed, numRuns: Math.ceil(runs * effort) });
}

/** The property, of runs whose numbers float32 can hold; in place of any other that was drawn another is tried. */
export function unlessOverflowed<T>(property: (x: T) => Promise<void>): (x: T) => Promise<void> {
  return (x) =>
    property(x).catch((error: unknown) => {
      fc.pre(!(error instanceof Error && error.message.includes("overflowed")));
      throw error;
    });
}
