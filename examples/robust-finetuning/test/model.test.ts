import "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dense, layerNorm } from "../src/layers.js";
import { createModel, HEAD, randomBackbone, withoutHead, zeroHead } from "../src/model.js";
import { randomStream } from "../src/random.js";

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
});
afterAll(() => tf.disposeVariables());

/** The largest difference between two lists of tensors, relative to the largest value. */
function difference(a: tf.Tensor[], b: tf.Tensor[]): number {
  return Math.max(
    ...a.map((x, i) => {
      const scale = tf.max(tf.abs(x)).dataSync()[0]! + 1e-6;
      return tf.max(tf.abs(tf.sub(x, b[i]!))).dataSync()[0]! / scale;
    }),
  );
}

describe("the layers' own gradients equal tfjs's", () => {
  // 64 rows go through the blocked transpose, 5 rows through the plain one.
  it.each([64, 5])("dense, with and without a rectifier, %i rows", (rows) => {
    const [x, w, b, dy] = [[rows, 6], [6, 4], [4], [rows, 4]].map((shape, i) =>
      tf.randomNormal(shape as [number], 0, 1, "float32", i + 1),
    ) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D, tf.Tensor2D];
    for (const activation of ["linear", "relu"] as const) {
      const plain = (x: tf.Tensor, w: tf.Tensor, b: tf.Tensor): tf.Tensor => {
        const z = tf.add(tf.matMul(x, w), b);
        return activation === "relu" ? tf.relu(z) : z;
      };
      const ours = (x: tf.Tensor, w: tf.Tensor, b: tf.Tensor): tf.Tensor =>
        dense(x as tf.Tensor2D, w as tf.Tensor2D, b as tf.Tensor1D, activation);
      expect(difference(tf.grads(plain)([x, w, b], dy), tf.grads(ours)([x, w, b], dy))).toBeLessThan(1e-5);
    }
  });

  it.each([64, 5])("layer norm, %i rows", (rows) => {
    const [x, scale, offset, dy] = [[rows, 8], [8], [8], [rows, 8]].map((shape, i) =>
      tf.randomNormal(shape as [number], 0, 1, "float32", i + 1),
    ) as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D, tf.Tensor2D];
    const plain = (x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor): tf.Tensor => {
      const { mean, variance } = tf.moments(x, 1, true);
      return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale), offset);
    };
    const ours = (x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor): tf.Tensor =>
      layerNorm(x as tf.Tensor2D, scale as tf.Tensor1D, offset as tf.Tensor1D);
    expect(difference(tf.grads(plain)([x, scale, offset], dy), tf.grads(ours)([x, scale, offset], dy))).toBeLessThan(
      1e-4,
    );
  });
});

describe("the model", () => {
  it("gives every class the same logit with a new head, and leaves no tensor behind", () => {
    const before = tf.memory().numTensors;
    const model = createModel(randomBackbone(1), { classes: 3 });
    const logits = tf.tidy(() => model.forward(tf.randomNormal([2, 32, 32, 3])).dataSync());
    expect([...logits]).toEqual([0, 0, 0, 0, 0, 0]);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("returns the weights it was built from", () => {
    const weights = { ...randomBackbone(2), ...zeroHead(3) };
    const model = createModel(weights, { classes: 3 });
    expect(model.weights()).toEqual(weights);
    model.dispose();
  });

  it("gives variables their plain names, again after an earlier model was disposed", () => {
    for (let i = 0; i < 2; i++) {
      const model = createModel(randomBackbone(1), { classes: 3 });
      const beside = createModel(randomBackbone(1), { classes: 3 });
      expect(model.variables["stem/kernel"]!.name).toBe("stem/kernel");
      expect(beside.variables["stem/kernel"]!.name).toBe("stem/kernel#1");
      model.dispose();
      beside.dispose();
    }
  });

  it("names the tensor that is missing or has another shape", () => {
    const { "stem/kernel": _, ...incomplete } = randomBackbone(1);
    expect(() => createModel(incomplete, { classes: 3 })).toThrow('"stem/kernel" is missing');
    expect(() => createModel({ ...randomBackbone(1), ...zeroHead(4) }, { classes: 3 })).toThrow(HEAD.kernel);
    expect(Object.keys(withoutHead(zeroHead(4)))).toEqual([]);
  });
});

describe("random streams", () => {
  it("are uniform and normal as they say, and differ by name", () => {
    const random = randomStream(1, "a");
    const draws = Array.from({ length: 20000 }, () => random.uniform());
    const normals = Array.from({ length: 20000 }, () => random.normal());
    const mean = (list: number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length;
    expect(mean(draws)).toBeCloseTo(0.5, 1);
    expect(mean(normals.map((x) => x * x))).toBeCloseTo(1, 1);
    expect(randomStream(1, "b").uniform()).not.toBe(draws[0]);
  });
});
