/**
 * Many tensors, read at once.
 */
import * as tf from "@tensorflow/tfjs-core";

/** The contents of tensors, fetched in one read. */
export async function readTogether(tensors: readonly tf.Tensor[]): Promise<Map<tf.Tensor, Float32Array>> {
  const result = new Map<tf.Tensor, Float32Array>();
  if (tensors.length === 0) return result;
  const joined = tf.tidy(() => tf.keep(tf.concat(tensors.map((tensor) => tf.reshape(tensor, [tensor.size])))));
  const data = await joined.data<"float32">();
  joined.dispose();
  let at = 0;
  for (const tensor of tensors) {
    result.set(tensor, data.slice(at, at + tensor.size));
    at += tensor.size;
  }
  return result;
}
