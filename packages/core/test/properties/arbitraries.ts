/**
 * What the property tests draw: shapes, layouts, parameters, gradient sequences and expressions.
 *
 * Numbers come from a small generator of their own, seeded by one drawn integer: tensors of any size cost fast-check one draw, and a
 * counterexample shrinks in its structure (shapes, steps, settings), where the reason usually lies.
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

/** A generator of numbers in [0, 1) from integers: the same integers, the same numbers (mulberry32). */
export function random(...seeds: readonly number[]): () => number {
  let state = seeds.reduce((hash, x) => Math.imul(hash ^ x, 0x9e3779b1) + 0x7f4a7c15, 0x2545f491) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x ^= x + Math.imul(x ^ (x >>> 7), 61 | x);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Float32 numbers, roughly normal with deviation 1. */
export function noise(size: number, next: () => number): Float32Array {
  return Float32Array.from({ length: size }, () => (next() + next() + next() + next() - 2) * Math.sqrt(3));
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A shape and the axes that name its channels (undefined: as the rank decides). */
export interface Form {
  readonly shape: readonly number[];
  readonly channelAxes: readonly number[] | undefined;
}

/** No channel axis, one (from the front or from the back), or two. */
function axesOf(rank: number): fc.Arbitrary<readonly number[] | undefined> {
  if (rank === 0) return fc.constant(undefined);
  const axis = fc.integer({ min: -rank, max: rank - 1 });
  const two = fc.uniqueArray(axis, { minLength: 2, maxLength: 2, selector: (a) => (a + rank) % rank });
  return fc.oneof(
    fc.constant(undefined),
    axis.map((a) => [a]),
    rank < 2 ? fc.constant([0]) : two,
  );
}

const formOf = (shape: readonly number[]): fc.Arbitrary<Form> =>
  axesOf(shape.length).map((channelAxes) => ({ shape, channelAxes }));

/** Small forms of rank 0 to 4, sizes of 1 among them. */
export const smallForm: fc.Arbitrary<Form> = fc
  .array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 })
  .map((shape) => (sizeOf(shape) <= 24 ? shape : shape.slice(0, 2)))
  .chain(formOf);

/** Any form: also empty tensors, odd tails of vector units, and tensors longer than one block of a blocked sum. */
export const anyForm: fc.Arbitrary<Form> = fc.oneof(
  { weight: 6, arbitrary: smallForm },
  { weight: 1, arbitrary: fc.constantFrom([0], [0, 3], [3, 0], [2, 0, 2]).chain(formOf) },
  { weight: 2, arbitrary: fc.constantFrom([7], [17], [5, 13], [31, 3], [3, 3, 2, 5]).chain(formOf) },
  { weight: 1, arbitrary: fc.constantFrom([2051], [33, 65], [4, 3, 173]).chain(formOf) },
);

/** How the gradients of a sequence behave from step to step. */
export const gradientKinds = ["noise", "drift", "sparse", "zero", "huge", "tiny", "flips"] as const;
export type GradientKind = (typeof gradientKinds)[number];

/** Largest and smallest sizes of gradients whose squares, and sums of those, are normal float32 numbers. */
const HUGE = 1e12;
const TINY = 1e-12;

/** The gradient of a variable in one step. */
function gradientAt(kind: GradientKind, size: number, seeds: readonly number[], step: number): Float32Array {
  const fresh = noise(size, random(...seeds, step));
  const same = noise(size, random(...seeds));
  const next = random(...seeds, step, 1);
  switch (kind) {
    case "noise":
      return fresh;
    case "drift":
      return same.map((x, i) => x + 0.1 * (fresh[i] as number));
    case "sparse":
      return fresh.map((x) => (next() < 0.6 ? 0 : x));
    case "zero":
      return fresh.fill(0);
    case "huge":
      return fresh.map((x) => x * HUGE);
    case "tiny":
      return fresh.map((x) => x * TINY);
    case "flips":
      return same.map((x) => (step % 2 ? -x : x));
  }
}

/** Variables, and gradients for as many steps as are asked for. */
export interface Problem {
  readonly variables: readonly (Form & { readonly name: string; readonly values: Float32Array })[];
  readonly steps: number;
  readonly kind: GradientKind;
  readonly channelAxis: Readonly<Record<string, readonly number[]>>;
  /** The gradients of one step by variable name. */
  readonly gradients: (step: number) => Record<string, Float32Array | Float64Array>;
}

/** How problems are drawn. */
export interface ProblemOptions {
  readonly forms?: fc.Arbitrary<Form>;
  readonly maxVariables?: number;
  readonly maxSteps?: number;
  readonly kinds?: readonly GradientKind[];
}

/** Problems of one to three variables, named a, b, c. */
export function problems({
  forms = smallForm,
  maxVariables = 3,
  maxSteps = 5,
  kinds = gradientKinds,
}: ProblemOptions = {}): fc.Arbitrary<Problem> {
  return fc
    .record({
      forms: fc.array(forms, { minLength: 1, maxLength: maxVariables }),
      steps: fc.integer({ min: 2, max: maxSteps }),
      kind: fc.constantFrom(...kinds),
      seed: fc.nat(),
    })
    .map(({ forms, steps, kind, seed }) => {
      const variables = forms.map((form, i) => ({
        ...form,
        name: "abc"[i] as string,
        values: noise(sizeOf(form.shape), random(seed, i)),
      }));
      return {
        variables,
        steps,
        kind,
        channelAxis: Object.fromEntries(
          variables.flatMap(({ name, channelAxes }) => (channelAxes ? [[name, channelAxes]] : [])),
        ),
        gradients: (step) =>
          Object.fromEntries(
            variables.map(({ name, shape }, i) => [name, gradientAt(kind, sizeOf(shape), [seed, i, 7], step)]),
          ),
        // What fast-check prints of the case: everything follows from this.
        toString: () => JSON.stringify({ forms, steps, kind, seed }),
      };
    });
}
