/**
 * What rounding does to a computation, found by rounding it at random: how far a run is off that is disturbed in every operation is how far
 * rounding may be off.
 */
import { type Arithmetic, type Executor, evaluate, type Value } from "../executors/executor.js";
import { type Array64, arithmetic64, float64Executor } from "../executors/float64-executor.js";
import { countOf } from "../expression/layout.js";
import { about, Mismatch, pair } from "./mismatch.js";
import { numbersOf } from "./plain.js";
import { random } from "./random.js";

/** How exact a computation is. */
export interface Precision {
  /** The relative error of every operation: two roundings. */
  readonly unit: number;
  /** What becomes of a number that is stored in an array. */
  readonly round: (x: number) => number;
  /** How many times the largest deviation of disturbed runs is tolerated. */
  readonly safety: number;
}

/** Elements in float32. */
const single: Precision = { unit: 2 ** -23, round: Math.fround, safety: 6 };
/** Elements in float32, operators among what computes them: these add in their own order, and magnify what that leaves. */
export const operated: Precision = { ...single, safety: 64 };
/** Elements in float64, by someone who adds and multiplies in another order. */
export const double: Precision = { unit: 2 ** -50, round: (x) => x, safety: 6 };

/**
 * The float64 executor with a relative error of about the precision's unit, of random sign and size in every element that it computes; then
 * rounded, which for float32 overflows and underflows as the real thing does. Values that cover a whole tensor are plain float64
 * numbers on the "host", apart from the error of the reduction that they come from; on the "device" they are arrays like any other.
 *
 * How far a computation is off in it is how far float32 may be off.
 *
 * @param sign 1, or −1 for the same errors the other way: of the two, one is on the other side of a threshold that the undisturbed
 *   computation is close to.
 */
export function roundingExecutor(
  scalars: "host" | "device",
  seed: number,
  sign: 1 | -1,
  { unit, round }: Precision = single,
): Executor<Array64> {
  const next = random(seed);
  // Of many sizes: two errors of one size would often cancel, and a difference that is 0 but for rounding seem exact.
  const error = (): number => (next() < 0.5 ? -sign : sign) * (0.5 + 1.5 * next()) * unit;
  const disturbed = (x: number): number => round(x * (1 + error()));
  /** A sum of n terms is off by at most n/2 roundings of the sum of their sizes; about that much where it is tolerated sixfold. */
  const disturbedSum = (x: number, sizes: number, terms: number): number =>
    round(x + error() * sizes * Math.max(1, Math.min(terms, 1024) / 16));
  const map = (f: (x: number, i: number) => number, value: Value<Array64>): Value<Array64> =>
    typeof value === "number" ? f(value, 0) : { shape: value.shape, values: value.values.map(f) };
  const arithmetic: Arithmetic<Array64> = {
    apply: (op, operands, grain, layout) => map(disturbed, arithmetic64.apply(op, operands, grain, layout)),
    reduce(op, x, from, to, layout) {
      const exact = arithmetic64.reduce(op, x, from, to, layout);
      if (typeof x === "number") return exact;
      const terms = countOf(layout, from, to);
      const sizes = op === "reduceSum" ? arithmetic64.reduce(op, map(Math.abs, x), from, to, layout) : 0;
      const y = map(
        (sum, i) => (op === "reduceSum" ? disturbedSum(sum, at(numbersOf(sizes), i), terms) : disturbed(sum)),
        exact,
      );
      return typeof y === "number" && scalars === "device" ? { shape: [], values: Float64Array.of(y) } : y;
    },
  };

  return {
    ...float64Executor,
    name: "float64, rounded at random",
    run(program, inputs, layout) {
      const results: Value<Array64>[] = [];
      for (const instruction of program.instructions) {
        results.push(evaluate(instruction, results, inputs, layout, arithmetic));
      }
      return Object.fromEntries([...program.outputs].map(([name, index]) => [name, results[index] as Value<Array64>]));
    },
  };
}

/** Pairs of runs with opposite disturbances. */
const PAIRS = 3;

/** The same computation with every operation disturbed, several times over. */
export function disturbedRuns<T>(
  scalars: "host" | "device",
  compute: (executor: Executor<Array64>) => T,
  precision: Precision = single,
): T[] {
  return Array.from({ length: PAIRS }, (_, i) => i).flatMap((seed) => [
    compute(roundingExecutor(scalars, seed, 1, precision)),
    compute(roundingExecutor(scalars, seed, -1, precision)),
  ]);
}

const at = (values: ArrayLike<number>, i: number): number => values[values.length === 1 ? 0 : i] as number;

/**
 * How a comparison came out, by what its tolerance is of the values: "sharp" up to 10⁻⁴, "loose" up to 5·10⁻³, "chance" beyond, where rounding decides
 * (such as the sign of a hyper-gradient that is 0 but for rounding, in the hands of Adam), "overflow" where there is no limit.
 */
export type Outcome = "sharp" | "loose" | "chance" | "overflow";

/** How far numbers may be off, and what that says. */
export interface Tolerance {
  readonly tolerance: number;
  readonly outcome: Outcome;
}

/**
 * How far rounding may put numbers off; one number stands for all where there is only one.
 *
 * @param disturbed The same numbers from `disturbedRuns`: the largest deviation among them, times a safety factor, is the tolerance.
 */
export function toleranceOf(
  expected: ArrayLike<number>,
  disturbed: readonly ArrayLike<number>[],
  size: number,
  { unit, safety }: Precision = single,
): Tolerance {
  let deviation = 0;
  let magnitude = 0;
  for (let i = 0; i < size; i++) {
    magnitude = Math.max(magnitude, Math.abs(at(expected, i)));
    for (const values of disturbed) {
      const other = Math.abs(at(values, i) - at(expected, i));
      deviation = Math.max(deviation, Number.isNaN(other) ? Number.POSITIVE_INFINITY : other);
    }
  }
  const tolerance = safety * deviation + 4 * unit * magnitude;
  if (tolerance === Number.POSITIVE_INFINITY) return { tolerance, outcome: "overflow" };
  const relative = magnitude === 0 ? 0 : tolerance / magnitude;
  return { tolerance, outcome: relative <= 1e-4 ? "sharp" : relative <= 5e-3 ? "loose" : "chance" };
}

/** How many numbers there are to compare. A tensor without elements, or without channels, has no value. */
const sizeOfBoth = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.min(a.length, b.length) && Math.max(a.length, b.length);

/**
 * Compares numbers computed with rounding with what they should be; one number stands for all where there is only one.
 *
 * @param disturbed The same numbers from `disturbedRuns`; see `toleranceOf`.
 * @throws Error that names the number that is off.
 */
export function compareRounded(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  disturbed: readonly ArrayLike<number>[],
  precision: Precision = single,
): Outcome {
  const size = sizeOfBoth(actual, expected);
  for (let i = 0; i < size; i++) {
    if (!Number.isFinite(at(expected, i))) throw new Error(`${what}[${i}] is ${at(expected, i)} in float64`);
  }
  const { tolerance, outcome } = toleranceOf(expected, disturbed, size, precision);
  if (outcome === "overflow") return outcome;
  for (let i = 0; i < size; i++) {
    const error = Math.abs(at(actual, i) - at(expected, i));
    if (!(error <= tolerance)) {
      const [found, wanted] = pair(at(actual, i), at(expected, i));
      throw new Mismatch(
        `${what}[${i}] is ${found}; in float64 ${wanted} ${about(tolerance)}, so it is off by ${Number((error / tolerance).toPrecision(2))} tolerances`,
        at(actual, i),
        at(expected, i),
      );
    }
  }
  return outcome;
}
