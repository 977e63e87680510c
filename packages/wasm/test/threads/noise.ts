import * as tf from "@tensorflow/tfjs";

/** Numbers in (−1, 1) from a seed. */
export function noise(shape: readonly number[], seed: number): tf.Tensor {
  let state = seed;
  const values = Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
  return tf.tensor(values, [...shape]);
}
