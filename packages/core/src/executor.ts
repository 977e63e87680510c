/**
 * Executor: what turns a program into numbers.
 *
 * A value is a plain number (one for everything it covers, in float64) or an array of the executor's own kind: a Float64Array, or a
 * tf.Tensor. An operation whose operands are all plain numbers is done in float64 by every executor, so whatever does not depend
 * on the element is computed once per step, exactly as the float64 executor does it.
 */
import type { Grain } from "./grain.js";
import { countOf, type Layout } from "./layout.js";
import { type OperationName, operations } from "./operations.js";
import type { Instruction, Program } from "./program.js";

/** A value of an expression: one number for everything it covers, or an array that broadcasts to the tensor. */
export type Value<A> = number | A;

/** Numbers from outside: a tensor's values with their shape. */
export interface Numbers {
  /** Its shape. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: ArrayLike<number>;
}

/** Runs programs on arrays of type `A`. */
export interface Executor<A> {
  /** "float64", "tfjs", … */
  readonly name: string;
  /**
   * Runs a program on one tensor.
   *
   * @param inputs Value of every input that the program names.
   * @param into Arrays that the caller gives up, by output name: the executor may write that output over one and return it. An array that
   *   comes back was used, any other is as it was. It may be an input.
   * @returns The outputs by name. An array among them belongs to the caller, who releases it; it is never one of the inputs, but for `into`.
   */
  run(
    program: Program,
    inputs: Readonly<Record<string, Value<A>>>,
    layout: Layout,
    into?: Readonly<Record<string, Value<A>>>,
  ): Record<string, Value<A>>;
  /** A new array with these numbers. */
  load(numbers: Numbers): A;
  /** A new array of this shape where the value is a number, or broadcasts to it; the value itself where it has the shape already. */
  spread(value: Value<A>, shape: readonly number[]): A;
  /** The contents as numbers, element type included; what a checkpoint holds. */
  store(
    array: A,
  ): Promise<{ dtype: "float32" | "float64"; shape: readonly number[]; values: Float32Array | Float64Array }>;
  /** Frees an array. */
  release(array: A): void;
}

/** How an executor computes on arrays. */
export interface Arithmetic<A> {
  /** An operation of the table, with an array among its operands. */
  apply(op: OperationName, operands: readonly Value<A>[], grain: Grain, layout: Layout): Value<A>;
  /** Sum or maximum, from one value per grain `from` to one per `to`. */
  reduce(op: "reduceSum" | "reduceMax", x: Value<A>, from: Grain, to: Grain, layout: Layout): Value<A>;
}

/** The result of one instruction, given those of the instructions before it. */
export function evaluate<A>(
  { kind, operands, grain }: Instruction,
  results: readonly Value<A>[],
  inputs: Readonly<Record<string, Value<A>>>,
  layout: Layout,
  { apply, reduce }: Arithmetic<A>,
): Value<A> {
  switch (kind.op) {
    case "input": {
      const value = inputs[kind.name];
      if (value === undefined) throw new Error(`The program reads "${kind.name}", which was not given.`);
      return value;
    }
    case "constant":
      return kind.value;
    case "count":
      return countOf(layout, kind.of, kind.per);
    case "reduceSum":
    case "reduceMax":
      return reduce(kind.op, results[operands[0] as number] as Value<A>, kind.from, kind.to, layout);
    default: {
      // Written out for up to three operands, because the scalar levels of a tower pass through here for every operation.
      const [x, y, z] = [
        results[operands[0] as number],
        results[operands[1] as number],
        results[operands[2] as number],
      ];
      if (isNumber(x) && isNumber(y) && isNumber(z)) {
        return (operations[kind.op].value as (...xs: (number | undefined)[]) => number)(x, y, z);
      }
      return apply(kind.op, [x, y, z].slice(0, operands.length) as Value<A>[], grain, layout);
    }
  }
}

/** Never asked: an operation on numbers alone is done by `evaluate` itself. */
const noArrays: Arithmetic<never> = {
  apply: () => {
    throw new Error("A program on numbers met an array.");
  },
  reduce(op, x, from, to, layout) {
    const count = countOf(layout, from, to);
    if (count === 0) return op === "reduceSum" ? 0 : Number.NEGATIVE_INFINITY;
    return op === "reduceSum" ? (x as number) * count : x;
  },
};

/**
 * Runs a program on plain numbers, in float64: the scalar levels of a tower, on every executor.
 *
 * @returns The outputs by name, or undefined where an input is an array.
 */
export function runOnNumbers(
  { instructions, outputs }: Program,
  inputs: Readonly<Record<string, unknown>>,
  layout: Layout,
): Record<string, number> | undefined {
  for (const name in inputs) if (typeof inputs[name] !== "number") return undefined;
  const results: number[] = [];
  for (const instruction of instructions) {
    results.push(evaluate<never>(instruction, results, inputs as Record<string, number>, layout, noArrays));
  }
  const numbers: Record<string, number> = {};
  for (const [name, index] of outputs) numbers[name] = results[index] as number;
  return numbers;
}

const isNumber = (x: unknown): x is number | undefined => typeof x === "number" || x === undefined;
