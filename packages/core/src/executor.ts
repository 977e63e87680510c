/**
 * Executor: what turns a program into numbers.
 *
 * A value is a plain number (one for everything it covers, in float64) or an array of the executor's own kind: a Float64Array, or a
 * tf.Tensor. An operation whose operands are all plain numbers is done in float64 by every executor, so whatever does not depend
 * on the element is computed once per step, exactly as the float64 executor does it.
 */
import type { Layout } from "./layout.js";
import type { Program } from "./program.js";

/** A value of an expression: one number for everything it covers, or an array that broadcasts to the tensor. */
export type Value<A> = number | A;

/** Numbers from outside: a tensor's values with their shape. */
export interface Numbers {
  readonly shape: readonly number[];
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
   * @returns The outputs by name. An array among them belongs to the caller, who releases it; it is never one of the inputs.
   */
  run(program: Program, inputs: Readonly<Record<string, Value<A>>>, layout: Layout): Record<string, Value<A>>;
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
