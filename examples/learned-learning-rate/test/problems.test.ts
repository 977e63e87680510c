import "@tensorflow/tfjs";
import { useBackend } from "@hypergrad/core";
import { randomStream } from "@hypergrad/example-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { PROBLEM_NAMES, PROBLEMS } from "../src/problems/index.ts";
import { network } from "../src/problems/network.ts";
import type { Problem } from "../src/problems/problem.ts";

const valuesOf = ({ parameters }: Problem) =>
  Object.fromEntries(Object.entries(parameters).map(([name, { values }]) => [name, values.slice()]));

const rowsOf = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Loss and gradients of a problem's loops over some rows. */
function byLoops(problem: Problem, at: Record<string, Float32Array>, rows: number[]) {
  const gradients = Object.fromEntries(
    Object.entries(at).map(([name, { length }]) => [name, new Float32Array(length)]),
  );
  return { loss: problem.loss(at, rows, gradients), gradients };
}

describe.each(PROBLEM_NAMES)("%s", (name) => {
  test("has the gradient of its loss, by finite differences in every parameter", () => {
    const problem = PROBLEMS[name].draw(3);
    const at = valuesOf(problem);
    const random = randomStream(1, "test");
    for (const values of Object.values(at)) for (const i of values.keys()) values[i] = random.normal(0, 0.5);
    const rows = rowsOf(problem.rows).filter((row) => row % 7 === 0);
    const { gradients } = byLoops(problem, at, rows);
    for (const [parameter, values] of Object.entries(at)) {
      for (let sample = 0; sample < 12; sample++) {
        const i = random.integer(values.length);
        const [before, h] = [values[i] as number, 2 ** -8];
        const lossAt = (shift: number) => {
          values[i] = before + shift;
          return problem.loss(at, rows);
        };
        const difference = (8 * (lossAt(h) - lossAt(-h)) - (lossAt(2 * h) - lossAt(-2 * h))) / (12 * h);
        values[i] = before;
        expect(gradients[parameter]?.[i]).toBeCloseTo(difference, 4);
      }
    }
  });

  test("is drawn alike from the same seed and otherwise from another", () => {
    const lossFrom = (seed: number) => {
      const problem = PROBLEMS[name].draw(seed);
      const at = valuesOf(problem);
      for (const values of Object.values(at)) for (const i of values.keys()) values[i] = Math.sin(i);
      return problem.loss(at, rowsOf(problem.rows));
    };
    expect(lossFrom(5)).toBe(lossFrom(5));
    expect(lossFrom(5)).not.toBe(lossFrom(6));
  });
});

describe("a network's loss and gradients", () => {
  beforeAll(() => useBackend("cpu"));

  test.each([[[3, 4]], [[3, 5, 4]], [[3, 6, 5, 4]]])("of layers %j are those of TensorFlow.js", (sizes) => {
    const random = randomStream(2, "network");
    const count = 9;
    const inputs = Float32Array.from({ length: 3 * count }, () => random.normal());
    const labels = Uint8Array.from({ length: count }, () => random.integer(4));
    const problem = network({ inputs, labels }, sizes, { batch: count, random });
    const at = valuesOf(problem);
    const names = Object.keys(at);
    const given = names.map((name) =>
      tf.tensor(at[name] as Float32Array, [...(problem.parameters[name]?.shape ?? [])]),
    );
    const byTensors = (...tensors: tf.Tensor[]) => {
      let x: tf.Tensor = tf.tensor2d(inputs, [count, 3]);
      for (let layer = 0; 2 * layer < tensors.length; layer++) {
        x = tf.add(tf.matMul(x as tf.Tensor2D, tensors[2 * layer] as tf.Tensor2D), tensors[2 * layer + 1] as tf.Tensor);
        if (2 * layer + 2 < tensors.length) x = tf.tanh(x);
      }
      const own = tf.mul(tf.oneHot(tf.tensor1d(labels, "int32"), 4), tf.logSoftmax(x));
      return tf.neg(tf.mean(tf.sum(own, 1))) as tf.Scalar;
    };
    const expected = tf.grads(byTensors)(given);
    const { loss, gradients } = byLoops(problem, at, rowsOf(count));
    expect(loss).toBeCloseTo(byTensors(...given).dataSync()[0] as number, 5);
    for (const [k, name] of names.entries()) {
      const values = [...(expected[k] as tf.Tensor).dataSync()];
      for (const [i, value] of values.entries()) expect(gradients[name]?.[i]).toBeCloseTo(value, 5);
    }
  });
});

test("least squares starts from a loss of 1 and has its Hessian's eigenvalues between 1e-4 and 1", () => {
  const problem = PROBLEMS["least-squares"].draw(4);
  const all = rowsOf(problem.rows);
  const size = problem.parameters.x?.values.length ?? 0;
  const gradientAt = (x: Float32Array) => byLoops(problem, { x }, all).gradients.x as Float32Array;
  expect(problem.loss({ x: new Float32Array(size) }, all)).toBeCloseTo(1, 6);
  const origin = gradientAt(new Float32Array(size));
  let trace = 0;
  for (let i = 0; i < size; i++) {
    const x = new Float32Array(size);
    x[i] = 1;
    trace += (gradientAt(x)[i] as number) - (origin[i] as number);
  }
  const wanted = Array.from({ length: size }, (_, k) => 1e-4 ** (k / (size - 1))).reduce((a, b) => a + b);
  expect(trace).toBeCloseTo(wanted, 4);
});
