import "@hypergrad/wasm";
import { randomStream } from "@hypergrad/example-kit";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layerNorm } from "../src/layer-norm.js";
import { createModel, HEAD, randomBackbone, withoutHead, zeroHead } from "../src/model.js";
import { MODEL_NAMES, MODELS } from "../src/models/index.js";
import { pretrainedWeights } from "../src/pretrained.js";

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

describe.each(MODEL_NAMES)("the model %s", (name) => {
  const architecture = MODELS[name];
  const options = { architecture, classes: 3 };
  const images = (count: number): tf.Tensor4D => tf.randomNormal([count, 32, 32, 3], 0, 1, "float32", 5);

  it("gives every class the same logit with a new head, and leaves no tensor behind", () => {
    const before = tf.memory().numTensors;
    const model = createModel(randomBackbone(architecture, 1), options);
    const logits = tf.tidy(() => model.forward(images(2)).dataSync());
    expect([...logits]).toEqual([0, 0, 0, 0, 0, 0]);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("returns the weights it was built from", () => {
    const weights = { ...randomBackbone(architecture, 2), ...zeroHead(3) };
    const model = createModel(weights, options);
    expect(model.weights()).toEqual(weights);
    model.dispose();
  });

  it("gives variables their plain names, again after an earlier model was disposed", () => {
    const [first] = Object.keys(architecture.shapes) as [string];
    for (let i = 0; i < 2; i++) {
      const model = createModel(randomBackbone(architecture, 1), options);
      const beside = createModel(randomBackbone(architecture, 1), options);
      expect(model.variables[first]!.name).toBe(first);
      expect(beside.variables[first]!.name).toBe(`${first}#1`);
      model.dispose();
      beside.dispose();
    }
  });

  it("has 64 features for a picture, whatever pictures are beside it", () => {
    tf.tidy(() => {
      const model = createModel(randomBackbone(architecture, 3), options);
      const pictures = images(5);
      const together = model.features(pictures);
      expect(together.shape).toEqual([5, 64]);
      const alone = model.features(tf.slice(pictures, [3, 0, 0, 0], [1, 32, 32, 3]));
      expect(difference([tf.slice(together, [3, 0], [1, 64])], [alone])).toBeLessThan(1e-5);
      model.dispose();
    });
  });

  it("has a gradient for every variable", () => {
    tf.tidy(() => {
      const model = createModel({ ...randomBackbone(architecture, 4), ...zeroHead(3) }, options);
      model.variables[HEAD.kernel]!.assign(tf.randomNormal([64, 3], 0, 1, "float32", 6));
      const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 0], "int32"), 3);
      const pictures = images(4);
      const { grads } = tf.variableGrads(() => tf.losses.softmaxCrossEntropy(labels, model.forward(pictures)));
      for (const { name: variable } of Object.values(model.variables)) {
        expect(tf.max(tf.abs(grads[variable]!)).dataSync()[0], variable).toBeGreaterThan(0);
      }
      model.dispose();
    });
  });

  it("names the tensor that is missing or has another shape", () => {
    const backbone = randomBackbone(architecture, 1);
    const [first, ...others] = Object.keys(backbone) as [string, ...string[]];
    const incomplete = Object.fromEntries(others.map((each) => [each, backbone[each]!]));
    expect(() => createModel(incomplete, options)).toThrow(`"${first}" is missing`);
    expect(() => createModel({ ...backbone, ...zeroHead(4) }, options)).toThrow(HEAD.kernel);
    expect(Object.keys(withoutHead(zeroHead(4)))).toEqual([]);
  });

  it("is pre-trained: its weights fit", () => {
    const model = createModel(pretrainedWeights(name), options);
    model.dispose();
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
