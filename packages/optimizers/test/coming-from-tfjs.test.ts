/** Where rules differ from TensorFlow.js's of the same name, as docs/guide/compared.md says: both against their formulas, for one parameter. */
import { hyper, type Spec } from "@hypergrad/core";
import { adadelta, adagrad, adam, rmsprop } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";

const gradients = [0.5, -2, 0.01, 30, 0.2];

/** The parameter after every step from 0. */
function path(optimizer: tf.Optimizer): number[] {
  const p = tf.variable(tf.scalar(0), true, "p");
  const points = gradients.map((g) => {
    tf.tidy(() => optimizer.applyGradients({ p: tf.scalar(g) }));
    return p.dataSync()[0] as number;
  });
  optimizer.dispose();
  p.dispose();
  return points;
}

/** The sums of the steps that a formula makes of the gradients. */
function sums(step: (g: number) => number): number[] {
  let p = 0;
  return gradients.map((g) => {
    p -= step(g);
    return p;
  });
}

/** Adadelta's step; `late`: it divides by the average that the gradient is not yet part of. */
function adadeltaStep(lr: number, rho: number, eps: number, late: boolean): (g: number) => number {
  let [v, u] = [0, 0];
  return (g) => {
    const before = v;
    v = rho * v + (1 - rho) * g * g;
    const delta = (Math.sqrt(u + eps) / Math.sqrt((late ? before : v) + eps)) * g;
    u = rho * u + (1 - rho) * delta * delta;
    return lr * delta;
  };
}

function total(from: number, decay: number, size: (total: number, g: number) => number): (g: number) => number {
  let sum = from;
  return (g) => {
    sum = decay * sum + (decay === 1 ? 1 : 1 - decay) * g * g;
    return size(sum, g);
  };
}

afterEach(() => tf.disposeVariables());

const cases: readonly [name: string, () => tf.Optimizer, () => (g: number) => number][] = [
  ["tf.train.adadelta", () => tf.train.adadelta(), () => adadeltaStep(0.001, 0.95, 1e-7, true)],
  ["adadelta", () => hyper(adadelta()), () => adadeltaStep(1, 0.9, 1e-6, false)],
  ["tf.train.adagrad", () => tf.train.adagrad(0.1), () => total(0.1, 1, (v, g) => (0.1 * g) / Math.sqrt(v + 1e-7))],
  ["adagrad", () => hyper(adagrad({ lr: 0.1 })), () => total(0, 1, (v, g) => (0.1 * g) / (Math.sqrt(v) + 1e-10))],
  ["tf.train.rmsprop", () => tf.train.rmsprop(0.1), () => total(0, 0.9, (v, g) => (0.1 * g) / Math.sqrt(v + 1e-7))],
  ["rmsprop", () => hyper(rmsprop({ lr: 0.1 })), () => total(0, 0.99, (v, g) => (0.1 * g) / (Math.sqrt(v) + 1e-8))],
];

describe("for those who come from tf.train:", () => {
  test.each(cases)("%s is what the guide says it is", (_, optimizer, step) => {
    const [points, expected] = [path(optimizer()), sums(step())];
    for (const [i, x] of points.entries()) expect(x / (expected[i] as number)).toBeCloseTo(1, 4);
  });

  test("Adadelta's first step is lr·g there, and √(ε/(1 − ρ)) here", () => {
    expect(path(tf.train.adadelta(0.01))[0]).toBeCloseTo(-0.01 * 0.5, 7);
    expect(path(hyper(adadelta()))[0]).toBeCloseTo(-Math.sqrt(1e-6 / 0.1), 6);
  });

  test("Adam's ε is 1e-7 there, and 1e-8 here", () => {
    const first = (spec: Spec) => path(hyper(spec))[0];
    expect(first(adam())).not.toBe(first(adam({ eps: 1e-7 })));
    expect(first(adam())).toBe(first(adam({ eps: 1e-8 })));
    expect(tf.train.adam().getConfig().epsilon).toBe(1e-7);
  });
});
