/**
 * A small problem: one period of a sine, fitted by a network with one hidden layer.
 */
import { hyper, type Spec } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";

/** What came of a run. */
export interface Result {
  /** The mean squared error before and after. */
  readonly before: number;
  readonly after: number;
  /** The hyperparameters at the end. */
  readonly lr: number;
  readonly delta: number;
}

/** Trains the network on all points in every step, from the same start for every spec. */
export async function train(spec: Spec, steps: number): Promise<Result> {
  const uniform = (shape: [number, number], size: number, seed: number): tf.Variable =>
    tf.tidy(() => tf.variable(tf.randomUniform(shape, -size, size, "float32", seed)));
  const [w1, b1, w2] = [uniform([1, 16], 2, 1), uniform([1, 16], 2, 2), uniform([16, 1], 0.5, 3)];
  const xs = tf.tidy(() => tf.expandDims(tf.linspace(-1, 1, 64), 1) as tf.Tensor2D);
  const ys = tf.tidy(() => tf.sin(tf.mul(xs, Math.PI)));
  const loss = (): tf.Scalar =>
    tf.tidy(() => {
      const hidden = tf.tanh(tf.add(tf.matMul(xs, w1 as tf.Tensor as tf.Tensor2D), b1));
      return tf.mean(tf.squaredDifference(tf.matMul(hidden as tf.Tensor2D, w2 as tf.Tensor as tf.Tensor2D), ys));
    });
  const value = (): number => tf.tidy(() => loss().dataSync()[0] as number);

  const optimizer = hyper(spec);
  const before = value();
  for (let step = 0; step < steps; step++) optimizer.minimize(loss, false, [w1, b1, w2]);
  const after = value();
  const { lr, delta } = Object.values(await optimizer.hyperparameters())[0] as { lr: number; delta: number };
  optimizer.dispose();
  tf.dispose([w1, b1, w2, xs, ys]);
  return { before, after, lr, delta };
}
