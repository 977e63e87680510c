/**
 * How the property tests know what is right, and how exactly: derivatives by finite differences with an error estimate, and what float32
 * rounding does to a computation, by rounding it at random.
 */
import type { Executor, Value } from "../../src/executor.js";
import { type Array64, float64Executor } from "../../src/float64-executor.js";
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
    const size = Math.max(...sides.flatMap(({ above, below }) => [Math.abs(at(above)), Math.abs(at(below))]), Math.abs(y));
    const rounding = (h: number): number => (4 * EPSILON * size) / h;
    const gap = (i: number): number => {
      const { up, down, above, below } = sides[i] as (typeof sides)[number];
      return Math.abs((at(above) - y) / up - (y - at(below)) / down);
    };
    const last = LEVELS - 1;
    const smallest = scale * FIRST * 2 ** -last;
    // Smooth functions: the gap is proportional to the step size, a factor of 2⁻³ here.
    const kink = gap(last) > 0.4 * gap(last - 3) + rounding(smallest);

    let best: Estimate = { value: Number.NaN, error: Number.POSITIVE_INFINITY };
    let previous: number[] = [];
    sides.forEach(({ up, down, above, below }, i) => {
      const row = [(at(above) - at(below)) / (up + down)];
      for (let k = 1; k <= i; k++) {
        const finer = row[k - 1] as number;
        const coarser = previous[k - 1] as number;
        const value = finer + (finer - coarser) / (4 ** k - 1);
        const error = Math.max(Math.abs(value - finer), Math.abs(value - coarser)) + rounding(up);
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
  return { instructions: [...inputs, result], outputs: new Map([["y", operands.length]]) };
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
 */
export function roundingExecutor(scalars: "host" | "device", ...seeds: readonly number[]): Executor<Array64> {
  const next = random(...seeds);
  const disturbed = (x: number): number => Math.fround(x * (1 + (next() < 0.5 ? -1 : 1) * 2 ** -23));
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
        const y = float64Executor.run(steps[i] as Program, { ...given }, layout).y as Value<Array64>;
        if (typeof y !== "number") results.push({ shape: y.shape, values: y.values.map(disturbed) });
        else if (given.every((x) => typeof x === "number")) results.push(y);
        else results.push(scalars === "host" ? disturbed(y) : { shape: [], values: Float64Array.of(disturbed(y)) });
      });
      return Object.fromEntries([...program.outputs].map(([name, index]) => [name, results[index] as Value<Array64>]));
    },
  };
}
