/**
 * Our optimizers against TensorFlow.js's own, on the same model, the same start and the same batches.
 *
 * What is accounted for: tf.train.adam puts ε outside the root and corrects both moments for their bias, as we do, but its default ε is the
 * backend's (1e-7 where floats have 32 bits), so ours is given that one. It keeps β₁ᵗ, β₂ᵗ and 1 − βᵗ in float32, where 1 − β₂ᵗ loses up to
 * 2⁻²⁴/(1 − β₂ᵗ) of its value, 6·10⁻⁵ in the first step, and its root half of that; ours are computed in float64. So one step of size lr may
 * differ by 3·10⁻⁵·lr, and the tolerance is that, once per step, plus the rounding of the parameter.
 */
import { hyper, type Spec } from "@hypergrad/core";
import { adam, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { backends, noiseOf } from "../../core/test/support.js";

const STEPS = 20;

/** Parameters of a small network after every step on the same batches, however it is optimized. */
function trajectory(optimizer: tf.Optimizer): number[][] {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 8, activation: "tanh", inputShape: [5] }),
      tf.layers.dense({ units: 3, activation: "softmax" }),
    ],
  });
  model.setWeights([noiseOf([5, 8], 1), noiseOf([8], 2), noiseOf([8, 3], 3), noiseOf([3], 4)]);
  const parameters = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const points: number[][] = [];
  for (let i = 0; i < STEPS; i++) {
    tf.tidy(() => {
      const [xs, ys] = [noiseOf([16, 5], 10 + i), tf.softmax(noiseOf([16, 3], 50 + i) as tf.Tensor2D)];
      optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(ys, model.predict(xs) as tf.Tensor) as tf.Scalar,
        false,
        parameters,
      );
    });
    points.push(parameters.flatMap((parameter) => [...parameter.dataSync()]));
  }
  model.dispose();
  optimizer.dispose();
  return points;
}

/** The largest difference in any step, in units of what rounding allows up to that step. */
function worst(ours: readonly number[][], theirs: readonly number[][], perStep: number): number {
  let largest = 0;
  for (const [t, point] of ours.entries()) {
    for (const [i, x] of point.entries()) {
      const y = theirs[t]?.[i] as number;
      // Parameters are below 2, so a step rounds by 2⁻²³ at most: one rounding of ours, two of theirs, and as many through the gradients.
      const allowed = (t + 1) * (perStep + 6 * 2 ** -24);
      largest = Math.max(largest, Math.abs(x - y) / allowed);
    }
  }
  return largest;
}

afterEach(() => tf.disposeVariables());

describe.each(backends)("on the %s backend", (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    return async () => {
      await tf.setBackend("cpu");
    };
  });

  const eps = 1e-7;
  const cases: readonly [string, Spec, () => tf.Optimizer, number][] = [
    ["adam with its defaults", adam({ eps }), () => tf.train.adam(), 3e-5 * 1e-3],
    ["adam with a large rate", adam({ lr: 0.1, eps }), () => tf.train.adam(0.1), 3e-5 * 0.1],
    [
      "adam with other decays and ε",
      adam({ lr: 0.01, beta1: 0.8, beta2: 0.9, eps: 1e-3 }),
      () => tf.train.adam(0.01, 0.8, 0.9, 1e-3),
      3e-5 * 0.01,
    ],
    ["sgd", sgd({ lr: 0.5 }), () => tf.train.sgd(0.5), 0],
    ["momentum", sgd({ lr: 0.2, momentum: 0.9 }), () => tf.train.momentum(0.2, 0.9), 0],
    [
      "Nesterov's momentum",
      sgd({ lr: 0.2, momentum: 0.9, nesterov: true }),
      () => tf.train.momentum(0.2, 0.9, true),
      0,
    ],
  ];
  test.each(cases)("%s goes where TensorFlow.js's goes", (_name, spec, theirs, perStep) => {
    const ours = trajectory(hyper(spec));
    const difference = worst(ours, trajectory(theirs()), perStep);
    expect(difference).toBeLessThanOrEqual(1);
    // It is no tolerance that anything would meet: the parameters moved by far more.
    expect(
      worst(
        ours,
        ours.map(() => ours[0] as number[]),
        perStep,
      ),
    ).toBeGreaterThan(100);
  });

  test("tf.train.adam's default ε is the 1e-7 that is accounted for", () => {
    expect(tf.backend().epsilon()).toBe(1e-7);
    expect(tf.train.adam().getConfig().epsilon).toBe(1e-7);
  });
});
