/**
 * A layer norm whose gradient is written out: composed of small operations it is a dozen passes over the activations each way.
 */

import * as tf from "@tensorflow/tfjs";

/**
 * Layer norm over the last axis (Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv 1607.06450).
 *
 * @param x [rows, width]
 * @param scale [width]
 * @param offset [width]
 * @returns [rows, width]
 */
export function layerNorm(x: tf.Tensor2D, scale: tf.Tensor1D, offset: tf.Tensor1D): tf.Tensor2D {
  const run = tf.customGrad((...inputs) => {
    const [x, scale, offset, save] = inputs as unknown as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    const centered = tf.sub(x, tf.mean(x, 1, true));
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centered), 1, true), 1e-5));
    const normal = tf.mul(centered, inverse);
    save([normal, inverse, scale]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [normal, inverse, scale] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
      const dNormal = tf.mul(dy, scale);
      const along = tf.mul(normal, tf.mean(tf.mul(dNormal, normal), 1, true));
      return [
        tf.mul(tf.sub(tf.sub(dNormal, tf.mean(dNormal, 1, true)), along), inverse),
        tf.sum(tf.mul(dy, normal), 0),
        tf.sum(dy, 0),
      ];
    };
    return { value: tf.add(tf.mul(normal, scale), offset), gradFunc };
  });
  return run(x, scale, offset) as tf.Tensor2D;
}
