/**
 * A problem: parameters to start from, and a loss with its gradient over any rows of its data.
 *
 * Gradients are written out in plain loops: models this small would spend their time in the overhead of tensor operations. A test holds
 * them against tf.grads. The optimizer's step is Hypergrad's, on tf.Variables.
 */

/** An array with a shape, row-major, float32 as the variables are. */
export interface Parameter {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Arrays by parameter name. */
export type Arrays = Readonly<Record<string, Float32Array>>;

/** A problem that was drawn from a seed. */
export interface Problem {
  /** Where training starts. */
  readonly parameters: Readonly<Record<string, Parameter>>;
  /** How many rows of data there are. */
  readonly rows: number;
  /** Rows in a batch; equal to `rows`: no noise. */
  readonly batch: number;
  /**
   * The mean loss over some rows.
   *
   * @param gradients Where its gradient is written, if given.
   */
  loss(at: Arrays, rows: ArrayLike<number>, gradients?: Arrays): number;
}

/** The parameter of this name; what is missing here is a mistake in a problem. */
export function named<T>(arrays: Readonly<Record<string, T>>, name: string): T {
  const found = arrays[name];
  if (found === undefined)
    throw new Error(`There is no parameter "${name}"; there are ${Object.keys(arrays).join(", ")}.`);
  return found;
}
