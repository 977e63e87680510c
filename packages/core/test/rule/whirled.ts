import { nonNegative, real, tensorRule } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";

/** Momentum, then tanh(s·U·Uᵀ·U), then the rate; it remembers the mean of its directions so far in a shape of its own. */
export const whirled = tensorRule({
  name: "whirled",
  hyperparameters: { lr: real(0.1), decay: real(0.5), sharpness: real(0.3), damping: nonNegative(0.9) },
  state: { m: 0 },
  inputs: ({ m, g, decay, sharpness }) => ({ u: m.mul(decay).add(g), s: sharpness }),
  memory: (shape) => ({ past: tf.zeros([2, ...shape]).add(tf.zeros([1])) }),
  direction({ u, s }, { past }) {
    const matrix = u.rank === 2 ? u : tf.reshape(u, [-1, 1]);
    const product = tf.matMul(tf.matMul(matrix, matrix, false, true), matrix);
    const value = tf.tanh(tf.mul(tf.reshape(product, u.shape), s));
    const [first] = tf.unstack(past);
    // Remembered, and used: nothing is differentiated through it.
    return {
      value: tf.add(value, tf.mul(first as tf.Tensor, 0.1)),
      memory: { past: tf.stack([value, first as tf.Tensor]) },
    };
  },
  update({ p, g, m, lr, decay, damping, direction }) {
    return { p: p.mul(damping).sub(direction.mul(lr)), m: m.mul(decay).add(g) };
  },
});

export const values = { lr: 0.1, decay: 0.5, sharpness: 0.3, damping: 0.9 };
