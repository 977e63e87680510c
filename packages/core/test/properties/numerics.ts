/**
 * How the property tests know what is right, and how exactly: derivatives by finite differences with an error estimate, and what float32
 * rounding does to a computation, by rounding it at random.
 */
import type { Executor, Value } from "../../src/executor.js";
import { type Array64, float64Executor } from "../../src/float64-executor.js";
import { countOf } from "../../src/layout.js";
import type { Instruction, Program } from "../../src/program.js";
import { random } from "./arbitraries.js";

/** A derivative, and how far it may be off; Infinity where there is none. */
export interface Estimate {
  readonly value: number;
  readonly error: number;
}

/** Halvings of the step size. */
const LEVELS = 7;
/** The first step size, in units of the scale that the caller gives. */
const FIRST = 2 ** -4;
const EPSILON = 2 ** -52;

/**
 * f′(x) of every component of f, by Ridders' method: central differences at step sizes that halve, extrapolated to 0, the entry of the
 * tableau that agrees best with its neighbours.
 *
 * Where f has a kink within the smallest step, the differences to the left and to the right do not approach each other, and the error is
 * reported as Infinity.
 *
 * Ridders, "Accurate computation of F′(x) and F′(x)F″(x)", Advances in Engineering Software 4(2), 1982.
 *
 * @param scale The distance over which f changes by its own order of magnitude.
 */
export function derivative(f: (x: number) => ArrayLike<number>, x: number, scale: number): Estimate[] {
  const centre = f(x);
  const sides = Array.from({ length: LEVELS }, (_, i) => {
    const h = scale * FIRST * 2 ** -i;
    // The step that is really taken, after rounding.
    return { up: x + h - x, down: x - (x - h), above: f(x + h), below: f(x - h) };
  });
  return Array.from({ length: centre.length }, (_, j) => {
    const at = (values: ArrayLike<number>): number => values[j] as number;
    const y = at(centre);
    const size = Math.max(
      ...sides.flatMap(({ above, below }) => [Math.abs(at(above)), Math.abs(at(below))]),
      Math.abs(y),
    );
    const rounding = (h: number): number => (4 * EPSILON * size) / h;
    const gap = (i: number): number => {
      const { up, down, above, below } = sides[i] as (typeof sides)[number];
      return Math.abs((at(above) - y) / up - (y - at(below)) / down);
    };
    const last = LEVELS - 1;
    const smallest = scale * FIRST * 2 ** -last;
    // Smooth functions: the gap is proportional to the step size, a factor of 2⁻³ here.
    const kink = gap(last) > 0.2 * gap(last - 3) + rounding(smallest);
    const { up, down, above, below } = sides[last] as (typeof sides)[number];
    const finest = (at(above) - at(below)) / (up + down);

    let best: Estimate = { value: Number.NaN, error: Number.POSITIVE_INFINITY };
    let previous: number[] = [];
    sides.forEach(({ up, down, above, below }, i) => {
      const row = [(at(above) - at(below)) / (up + down)];
      for (let k = 1; k <= i; k++) {
        const finer = row[k - 1] as number;
        const coarser = previous[k - 1] as number;
        const value = finer + (finer - coarser) / (4 ** k - 1);
        // Entries that agree by chance, on both sides of a kink: the finest plain difference is not far from what is right.
        const away = Math.abs(value - finest) / 4;
        const error = Math.max(Math.abs(value - finer), Math.abs(value - coarser), away) + rounding(up);
        if (error < best.error) best = { value, error };
        row.push(value);
      }
      previous = row;
    });
    return kink || !Number.isFinite(best.value) ? { value: best.value, error: Number.POSITIVE_INFINITY } : best;
  });
}

/** One instruction as a program of its own, which reads its operands from the inputs "0", "1", "2". */
function alone({ instructions }: Program, { kind, operands, grain }: Instruction): Program {
  const inputs = operands.map(
    (operand, i): Instruction => ({
      kind: { op: "input", name: String(i) },
      operands: [],
      grain: (instructions[operand] as Instruction).grain,
      lastUse: operands.length,
    }),
  );
  const result: Instruction = { kind, operands: operands.map((_, i) => i), grain, lastUse: Number.POSITIVE_INFINITY };
  return { name: "one instruction", instructions: [...inputs, result], outputs: new Map([["y", operands.length]]) };
}

const apart = new WeakMap<Program, readonly Program[]>();

/** The instructions of a program, each as a program of its own. */
function instructionsOf(program: Program): readonly Program[] {
  const known = apart.get(program) ?? program.instructions.map((instruction) => alone(program, instruction));
  apart.set(program, known);
  return known;
}

/**
 * The float64 executor with a relative error of 2⁻²³, two roundings of float32, of random sign in every element that it computes; then
 * rounded to float32, which overflows and underflows as the real thing does. Values that cover a whole tensor are plain float64
 * numbers on the "host", apart from the error of the reduction that they come from; on the "device" they are arrays like any other.
 *
 * How far a computation is off in it is how far float32 may be off.
 *
 * @param sign 1, or −1 for the same errors the other way: of the two, one is on the other side of a threshold that the undisturbed
 *   computation is close to.
 */
function roundingExecutor(scalars: "host" | "device", seed: number, sign: 1 | -1): Executor<Array64> {
  const next = random(seed);
  const error = (): number => (next() < 0.5 ? -sign : sign) * 2 ** -23;
  const disturbed = (x: number): number => Math.fround(x * (1 + error()));
  /** A sum of n terms is off by at most n/2 roundings of the sum of their sizes; that much where it is tolerated eightfold. */
  const disturbedSum = (x: number, sizes: number, terms: number): number =>
    Math.fround(x + error() * sizes * Math.max(1, Math.min(terms, 1024) / 16));
  const map = (f: (x: number, i: number) => number, value: Value<Array64>): Value<Array64> =>
    typeof value === "number" ? f(value, 0) : { shape: value.shape, values: value.values.map(f) };
  const at = (value: Value<Array64>, i: number): number =>
    typeof value === "number" ? value : (value.values[i] as number);

  return {
    ...float64Executor,
    name: "float64, rounded at random",
    run(program, inputs, layout) {
      const steps = instructionsOf(program);
      const results: Value<Array64>[] = [];
      program.instructions.forEach(({ kind, operands }, i) => {
        if (kind.op === "input") {
          results.push(inputs[kind.name] as Value<Array64>);
          return;
        }
        const given = operands.map((operand) => results[operand] as Value<Array64>);
        const compute = (xs: readonly Value<Array64>[]): Value<Array64> =>
          float64Executor.run(steps[i] as Program, Object.fromEntries(xs.entries()), layout).y as Value<Array64>;
        const exact = compute(given);
        if (given.every((x) => typeof x === "number")) {
          results.push(exact);
          return;
        }
        let y = map(disturbed, exact);
        if (kind.op === "reduceSum") {
          const sizes = compute(given.map((x) => map(Math.abs, x)));
          const terms = countOf(layout, kind.from, kind.to);
          y = map((x, j) => disturbedSum(x, at(sizes, j), terms), exact);
        }
        const stays = typeof y !== "number" || scalars === "host";
        results.push(stays ? y : { shape: [], values: Float64Array.of(y as number) });
      });
      return Object.fromEntries([...program.outputs].map(([name, index]) => [name, results[index] as Value<Array64>]));
    },
  };
}

/** Pairs of runs with opposite disturbances, and how many times their largest deviation is tolerated. */
const PAIRS = 3;
const SAFETY = 8;

/** The same computation with every operation disturbed, several times over. */
export function disturbedRuns<T>(scalars: "host" | "device", compute: (executor: Executor<Array64>) => T): T[] {
  return Array.from({ length: PAIRS }, (_, i) => i).flatMap((seed) => [
    compute(roundingExecutor(scalars, seed, 1)),
    compute(roundingExecutor(scalars, seed, -1)),
  ]);
}

const at = (values: ArrayLike<number>, i: number): number => values[values.length === 1 ? 0 : i] as number;

/**
 * How a comparison came out, by what its tolerance is of the values: "sharp" up to 10⁻⁴, "loose" up to 5·10⁻³, "chance" beyond, where rounding decides
 * (such as the sign of a hyper-gradient that is 0 but for rounding, in the hands of Adam), "overflow" where there is no limit.
 */
export type Outcome = "sharp" | "loose" | "chance" | "overflow";

/**
 * Compares numbers computed in float32 with what they should be; one number stands for all where there is only one.
 *
 * @param disturbed The same numbers from `disturbedRuns`: the largest deviation among them, times a safety factor, is the tolerance.
 * @throws Error that names the number that is off.
 */
export function compareRounded(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  disturbed: readonly ArrayLike<number>[],
): Outcome {
  // A tensor without elements, or without channels, has no value.
  const size = Math.min(actual.length, expected.length) && Math.max(actual.length, expected.length);
  let deviation = 0;
  let magnitude = 0;
  for (let i = 0; i < size; i++) {
    if (!Number.isFinite(at(expected, i))) throw new Error(`${what}[${i}] is ${at(expected, i)} in float64`);
    magnitude = Math.max(magnitude, Math.abs(at(expected, i)));
    for (const values of disturbed) {
      const other = Math.abs(at(values, i) - at(expected, i));
      deviation = Math.max(deviation, Number.isNaN(other) ? Number.POSITIVE_INFINITY : other);
    }
  }
  const tolerance = SAFETY * deviation + 4 * 2 ** -23 * magnitude;
  if (tolerance === Number.POSITIVE_INFINITY) return "overflow";
  for (let i = 0; i < size; i++) {
    const error = Math.abs(at(actual, i) - at(expected, i));
    if (!(error <= tolerance)) {
      throw new Error(
        `${what}[${i}] is ${at(actual, i)}; in float64 ${at(expected, i)} ± ${tolerance}, so it is off by ${error / tolerance} tolerances`,
      );
    }
  }
  return tolerance <= 1e-4 * magnitude || magnitude === 0
    ? "sharp"
    : tolerance <= 5e-3 * magnitude
      ? "loose"
      : "chance";
}
