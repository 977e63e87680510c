/** Whether two peers compute the same: losses and gradients for the same weights and examples. */
import { sizeOf } from "./networks/layers.js";

/** A gradient below this part of the whole one's norm may be zero but for rounding, as that of a bias before batch norm is, and is held against this part. */
const SMALL = 1e-3;

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** The largest error of a tensor, and which it is. */
function worst(ours: Float32Array, theirs: Float32Array, sizes: readonly number[]): { error: number; tensor: number } {
  const whole = norm(theirs);
  let [at, worstError, tensor] = [0, 0, 0];
  sizes.forEach((size, i) => {
    const [a, b] = [ours.subarray(at, at + size), theirs.subarray(at, at + size)];
    const error = norm(a.map((value, j) => value - (b[j] as number))) / Math.max(norm(b), SMALL * whole);
    if (!(error <= worstError)) [worstError, tensor] = [error, i];
    at += size;
  });
  return { error: worstError, tensor };
}

export interface Computed {
  readonly loss: number;
  readonly gradients: Float32Array;
}

/**
 * Throws where they differ; returns the largest error of a tensor.
 *
 * @param tolerance How far a gradient may be from the peer's, by its norm.
 */
export function same(
  ours: Computed,
  theirs: Computed,
  shapes: readonly (readonly number[])[],
  tolerance: number,
): number {
  if (!(Math.abs(ours.loss - theirs.loss) <= 1e-3 * Math.max(1, Math.abs(theirs.loss))))
    throw new Error(`not the same work: our loss is ${ours.loss}, the peer's ${theirs.loss}`);
  const sizes = shapes.map(sizeOf);
  const { error, tensor } = worst(ours.gradients, theirs.gradients, sizes);
  if (!(error <= tolerance))
    throw new Error(
      `not the same work: the gradient of weight ${tensor}, [${shapes[tensor]}], differs from the peer's by ${error.toPrecision(2)} of its norm; at most ${tolerance} was expected`,
    );
  return error;
}
