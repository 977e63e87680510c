/**
 * Executor: what turns a program into numbers.
 *
 * A value is a plain number (one for everything it covers, in float64) or an array of the executor's own kind: a Float64Array, or a
 * tf.Tensor. An operation whose operands are all plain numbers is done in float64 by every executor, so whatever does not depend
 * on the element is computed once per step, exactly as the float64 executor does it.
 */
import type { Grain } from "../expression/grain.js";
import { countOf, type Layout } from "../expression/layout.js";
import type { OperationName } from "../expression/node.js";
import { operations } from "../expression/operations.js";
import type { Instruction, Program } from "../expression/program.js";

/** A value of an expression: one number for everything it covers, or an array that broadcasts to the tensor. */
export type Value<A> = number | A;

/** Numbers from outside: a tensor's values with their shape. */
export interface Numbers {
  /** Its shape. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: ArrayLike<number>;
}

/** A program that is ready to run: nothing has been written yet, and nothing is left that can fail. */
export interface Prepared<A> {
  /** The array that an output will be in, or one of its shape; undefined where it will be a number. */
  array(name: string): A | undefined;
  /** Runs it, once; the outputs are the executor's `run`'s, but that they may be arrays of `into`. */
  run(): Record<string, Value<A>>;
  /** Frees what was made ready, where it is not run; does nothing after that. */
  drop(): void;
}

/** Runs programs on arrays of type `A`. */
export interface Executor<A> {
  /** "float64", "tfjs", … */
  readonly name: string;
  /**
   * Runs a program on one tensor.
   *
   * @param inputs Value of every input that the program names.
   * @returns The outputs by name. An array among them belongs to the caller, who releases it; it is never one of the inputs.
   */
  run(program: Program, inputs: Readonly<Record<string, Value<A>>>, layout: Layout): Record<string, Value<A>>;
  /**
   * Makes ready to run a program in place: all that can fail is done. Left out, or undefined: the executor cannot do that with this program on these inputs.
   *
   * @param into Arrays that the caller gives up, by output name: the run may write that output over one and return it. An array that comes back was used, any other is as it was.
   *   It may be an input.
   */
  prepare?(
    program: Program,
    inputs: Readonly<Record<string, Value<A>>>,
    layout: Layout,
    into: Readonly<Record<string, Value<A>>>,
  ): Prepared<A> | undefined;
  /** A new array with these numbers. */
  load(numbers: Numbers): A;
  /** A new array of this shape where the value is a number, or broadcasts to it; the value itself where it has the shape already. */
  spread(value: Value<A>, shape: readonly number[]): A;
  /** The shape of an array. */
  shapeOf(array: A): readonly number[];
  /** The contents as numbers, element type included; what a checkpoint holds. */
  store(
    array: A,
  ): Promise<{ dtype: "float32" | "float64"; shape: readonly number[]; values: Float32Array | Float64Array }>;
  /** Frees an array. */
  release(array: A): void;
}

/** Frees a value, if it is an array. */
export function free<A>(executor: Pick<Executor<A>, "release">, value: Value<A> | undefined): void {
  if (value !== undefined && typeof value !== "number") executor.release(value);
}

/** `fresh`, after `old` is freed; they are one where a step was taken in place. */
export function replaced<A>(executor: Executor<A>, old: Value<A>, fresh: Value<A> | undefined): Value<A> {
  if (old !== fresh) free(executor, old);
  return fresh as Value<A>;
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
      // Written out for up to three operands: much of a program on arrays is plain numbers, and all of the float64 executor's scalar levels.
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

/** Computes one instruction's number from those of the instructions before it. */
export type Compute = (numbers: ArrayLike<number>, layout: Layout) => number;

/** An instruction on plain numbers, in float64; an input is not computed. */
export function computeOf({ kind, operands }: Instruction): Compute {
  const [a, b, c] = operands as [number, number, number];
  switch (kind.op) {
    case "input":
      throw new Error(`"${kind.name}" is an input; expected an operation.`);
    case "constant": {
      const { value } = kind;
      return () => value;
    }
    case "count":
      return (_, layout) => countOf(layout, kind.of, kind.per);
    case "reduceSum":
      return (numbers, layout) => (numbers[a] as number) * countOf(layout, kind.from, kind.to);
    case "reduceMax":
      return (numbers, layout) =>
        countOf(layout, kind.from, kind.to) === 0 ? Number.NEGATIVE_INFINITY : (numbers[a] as number);
    default: {
      const f = operations[kind.op].value as (a: number, b?: number, c?: number) => number;
      if (operands.length === 1) return (numbers) => f(numbers[a] as number);
      if (operands.length === 2) return (numbers) => f(numbers[a] as number, numbers[b] as number);
      return (numbers) => f(numbers[a] as number, numbers[b] as number, numbers[c] as number);
    }
  }
}

/** A program on plain numbers: the inputs that it reads, and every other instruction, each with its index. */
interface Tape {
  readonly inputs: readonly (readonly [string, number])[];
  readonly computes: readonly (readonly [number, Compute])[];
  readonly outputs: readonly (readonly [string, number])[];
  /** Room for the numbers of a run. */
  readonly numbers: Float64Array;
}

const tapes = new WeakMap<Program, Tape>();

function tapeOf(program: Program): Tape {
  const known = tapes.get(program);
  if (known) return known;
  const inputs: [string, number][] = [];
  const computes: [number, Compute][] = [];
  program.instructions.forEach((instruction, index) => {
    if (instruction.kind.op === "input") inputs.push([instruction.kind.name, index]);
    else computes.push([index, computeOf(instruction)]);
  });
  const numbers = new Float64Array(program.instructions.length);
  const tape = { inputs, computes, outputs: [...program.outputs], numbers };
  tapes.set(program, tape);
  return tape;
}

/**
 * Runs a program on plain numbers, in float64: the scalar levels of a tower, on every executor.
 *
 * @returns The outputs by name, or undefined where an input that it reads is not a number.
 */
export function runOnNumbers(
  program: Program,
  inputs: Readonly<Record<string, unknown>>,
  layout: Layout,
): Record<string, number> | undefined {
  const { inputs: read, computes, outputs, numbers } = tapeOf(program);
  for (const [name, index] of read) {
    const value = inputs[name];
    if (typeof value !== "number") return undefined;
    numbers[index] = value;
  }
  for (const [index, compute] of computes) numbers[index] = compute(numbers, layout);
  const result: Record<string, number> = {};
  for (const [name, index] of outputs) result[name] = numbers[index] as number;
  return result;
}

const isNumber = (x: unknown): x is number | undefined => typeof x === "number" || x === undefined;
