import "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import "../../src/index.js";
import { type HyperOptimizer, hyper, rule, type Spec } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";
import { expect } from "vitest";

export const momentum = rule({
  name: "momentum",
  hyperparameters: {},
  state: { m: 0 },
  update: ({ p, g, m }) => {
    const next = m.mul(0.9).add(g);
    return { p: p.sub(next.mul(0.1)), m: next };
  },
})();

/** A rule of more operations than are compiled. */
export const endless = rule({
  name: "endless",
  hyperparameters: {},
  state: {},
  update({ p, g }) {
    let next = p;
    for (let i = 0; i < 2100; i++) next = next.sub(g.mul(1e-6 * (1 + (i % 7))));
    return { p: next };
  },
})();

export const numbers = (n: number, seed: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(1 + i * (seed + 0.37)));

/** Distinct values, the same for a seed. */
export const tensor = (shape: readonly number[], seed: number): tf.Tensor =>
  tf.tensor(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    [...shape],
    "float32",
  );

export function step(optimizer: HyperOptimizer, variable: tf.Variable, seed: number): void {
  const g = tensor(variable.shape, seed);
  optimizer.applyGradients([{ name: variable.name, tensor: g }]);
  g.dispose();
}

/** What three steps make of a variable, by TensorFlow.js operations. */
export function expected(spec: Spec, shape: readonly number[], steps: number): Float32Array {
  const p = tensor(shape, 0);
  const variable = tf.variable(p);
  const optimizer = hyper(spec, { executor: "tfjs" });
  for (let t = 1; t <= steps; t++) step(optimizer, variable, t);
  const values = variable.dataSync<"float32">();
  optimizer.dispose();
  tf.dispose([p, variable]);
  return Float32Array.from(values);
}

export function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(actual.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    expect(Math.abs((actual[i] as number) - (wanted[i] as number))).toBeLessThan(1e-5);
  }
}
