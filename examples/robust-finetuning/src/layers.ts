/**
 * The two layers of the model, with gradients written out. As they come, tfjs's gradients of a dense layer multiply by transposed matrices,
 * which its WASM backend does 10 to 30 times slower than transposing first and multiplying then; and a layer norm composed of
 * small operations is a dozen passes over the activations each way.
 */

import * as tf from "@tensorflow/tfjs";

/**
 * A dense layer, x·W + b, with or without a rectifier after it.
 *
 * @param x [rows, in]
 * @param kernel [in, out]
 * @param bias [out]
 * @returns [rows, out]
 */
export function dense(
  x: tf.Tensor2D,
  kernel: tf.Tensor2D,
  bias: tf.Tensor1D,
  activation: "linear" | "relu" = "linear",
): tf.Tensor2D {
  const run = tf.customGrad((...inputs) => {
    const [x, kernel, bias, save] = inputs as unknown as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D, tf.GradSaveFunc];
    const value = tf.fused.matMul({ a: x, b: kernel, bias, activation }) as tf.Tensor2D;
    save([x, kernel, value]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [x, kernel, value] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
      const dz = (activation === "relu" ? tf.mul(dy, tf.step(value)) : dy) as tf.Tensor2D;
      return [
        tf.matMul(dz, tf.transpose(kernel)),
        // (dzᵀ·x)ᵀ and not xᵀ·dz: of the two, the backend then packs the narrower activations as its right-hand side.
        tf.transpose(tf.matMul(transposed(dz), x)),
        columnSums(dz),
      ];
    };
    return { value, gradFunc };
  });
  return run(x, kernel, bias) as tf.Tensor2D;
}

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
        columnSums(tf.mul(dy, normal) as tf.Tensor2D),
        columnSums(dy as tf.Tensor2D),
      ];
    };
    return { value: tf.add(tf.mul(normal, scale), offset), gradFunc };
  });
  return run(x, scale, offset) as tf.Tensor2D;
}

/** Rows that `transposed` and `columnSums` treat at a time. */
const BLOCK = 32;

/**
 * The transpose of a tall matrix, in two steps: within blocks of rows, then of the blocks. In one step the WASM backend reads down whole
 * columns, one cache line for every number, and takes about ten times as long.
 */
function transposed(x: tf.Tensor2D): tf.Tensor2D {
  const [rows, columns] = x.shape;
  if (rows % BLOCK !== 0) return tf.transpose(x);
  const blocks = tf.transpose(tf.reshape(x, [rows / BLOCK, BLOCK, columns]), [0, 2, 1]);
  return tf.reshape(tf.transpose(blocks, [1, 0, 2]), [columns, rows]);
}

/** The sum of every column, likewise in blocks, because the backend transposes before it sums over rows. */
function columnSums(x: tf.Tensor2D): tf.Tensor1D {
  const [rows, columns] = x.shape;
  if (rows % BLOCK !== 0) return tf.sum(x, 0);
  return tf.sum(tf.sum(tf.reshape(x, [rows / BLOCK, BLOCK, columns]), 1), 0);
}
