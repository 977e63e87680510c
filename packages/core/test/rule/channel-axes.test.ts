import { channelAxesOf, type HyperOptions, hyper, learned } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { descent, step, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

/** The names of a layer's variables by role. */
function namesOf(layer: tf.layers.Layer): Record<string, string> {
  return Object.fromEntries(
    layer.weights.map((weight) => [
      weight.originalName.split("/").at(-1) as string,
      (weight.read() as tf.Variable).name,
    ]),
  );
}

describe("channelAxesOf a model", () => {
  test("names the axes of embeddings and depthwise kernels, and leaves the rest to their rank", () => {
    const embedding = tf.layers.embedding({ inputDim: 7, outputDim: 4, inputLength: 5 });
    const dense = tf.layers.dense({ units: 2 });
    const model = tf.sequential({ layers: [embedding, tf.layers.flatten(), dense] });
    expect(channelAxesOf(model)).toEqual({ [namesOf(embedding).embeddings as string]: [0] });
    model.dispose();
  });

  test("knows depthwise and separable convolutions", () => {
    const conv = tf.layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [8, 8, 2] });
    const depthwise = tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 });
    const separable = tf.layers.separableConv2d({ filters: 4, kernelSize: 2 });
    const transposed = tf.layers.conv2dTranspose({ filters: 2, kernelSize: 2 });
    const model = tf.sequential({
      layers: [conv, tf.layers.batchNormalization(), depthwise, separable, transposed],
    });
    expect(channelAxesOf(model)).toEqual({
      [namesOf(depthwise).depthwise_kernel as string]: [2, 3],
      [namesOf(separable).depthwise_kernel as string]: [2, 3],
    });
    model.dispose();
  });

  test("looks into models inside models, and into wrapped layers", () => {
    const embedding = tf.layers.embedding({ inputDim: 7, outputDim: 4, inputLength: 5 });
    const inner = tf.sequential({ layers: [embedding] });
    const depthwise = tf.layers.depthwiseConv2d({ kernelSize: 2 });
    const model = tf.sequential({
      layers: [
        tf.layers.timeDistributed({ layer: inner, inputShape: [3, 5] }),
        tf.layers.reshape({ targetShape: [3, 5, 4, 1] }),
        tf.layers.timeDistributed({ layer: depthwise }),
      ],
    });
    const outer = tf.sequential({ layers: [model, tf.layers.flatten(), tf.layers.dense({ units: 1 })] });
    expect(channelAxesOf(outer)).toEqual({
      [namesOf(embedding).embeddings as string]: [0],
      [namesOf(depthwise).depthwise_kernel as string]: [2, 3],
    });
    outer.dispose();
  });

  test("looks at both directions of a bidirectional layer, and at frozen layers too", () => {
    const embedding = tf.layers.embedding({ inputDim: 7, outputDim: 4, inputLength: 5, trainable: false });
    const both = tf.layers.bidirectional({ layer: tf.layers.gru({ units: 2 }) as tf.RNN, mergeMode: "concat" });
    const model = tf.sequential({ layers: [embedding, both] });
    expect(channelAxesOf(model)).toEqual({ [namesOf(embedding).embeddings as string]: [0] });
    model.dispose();
  });

  test("fits the variables of the model it was made of", () => {
    const model = tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 7, outputDim: 4, inputLength: 5 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 2 }),
      ],
    });
    const names = model.trainableWeights.map((weight) => (weight.read() as tf.Variable).name);
    for (const name of Object.keys(channelAxesOf(model))) expect(names).toContain(name);
    model.dispose();
  });
});

describe("a layers model that is compiled with an optimizer", () => {
  /** Layers of every kind whose channels are not all on the last axis, some inside a model inside a model. */
  function newModel(): tf.LayersModel {
    const words = tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 7, outputDim: 4, inputLength: 16, name: "word" }),
        tf.layers.reshape({ targetShape: [4, 4, 4] }),
        tf.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, name: "depth" }),
      ],
    });
    return tf.sequential({
      layers: [
        tf.sequential({ layers: [words] }),
        tf.layers.separableConv2d({ kernelSize: 2, filters: 3, depthMultiplier: 2, name: "separable" }),
        tf.layers.conv2dTranspose({ kernelSize: 2, filters: 5, useBias: false, name: "up" }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 1, name: "head" }),
      ],
    });
  }

  test("has one rate per token of its embedding and per channel and multiplier of its depthwise kernels, a second model like the first", async () => {
    const models = [newModel(), newModel()];
    const model = models[1] as tf.LayersModel;
    const optimizer = hyper(descent({ lr: learned(0.01, descent({ lr: 1e-3 }), { per: "channel" }) }));
    model.compile({ optimizer, loss: "meanSquaredError" });
    const [xs, ys] = [tf.ones([2, 16]), tf.ones([2, 1])];
    await model.fit(xs, ys, { epochs: 2, verbose: 0 });
    const values = await optimizer.hyperparameters();
    const counts = Object.fromEntries(
      model.trainableWeights.map((weight) => {
        const { name } = weight.read() as tf.Variable;
        return [weight.originalName, (values[name] as Record<string, Float32Array>).lr?.length];
      }),
    );
    expect(counts).toEqual({
      "word/embeddings": 7,
      "depth/depthwise_kernel": 8,
      "depth/bias": 1,
      "separable/depthwise_kernel": 16,
      "separable/pointwise_kernel": 3,
      "separable/bias": 1,
      // [height, width, out, in]: the last axis, as in FTP's official code.
      "up/kernel": 3,
      "head/kernel": 1,
      "head/bias": 1,
    });
    optimizer.dispose();
    for (const each of models) each.dispose();
    tf.dispose([xs, ys]);
  });
});

describe("a channel", () => {
  async function ratesOf(
    options: HyperOptions,
    shapes: Readonly<Record<string, readonly number[]>> = {
      table: [7, 4],
      depthwise: [3, 3, 2, 5],
      kernel: [4, 6],
      bias: [6],
    },
  ) {
    const all = variables(shapes);
    const optimizer = hyper(descent({ lr: learned(0.1, descent(), { per: "channel" }) }), options);
    step(optimizer, all, 1);
    step(optimizer, all, 2);
    const values = await optimizer.hyperparameters();
    optimizer.dispose();
    tf.disposeVariables();
    return Object.fromEntries(Object.entries(values).map(([name, { lr }]) => [name, (lr as Float32Array).length]));
  }

  test("is an index of the last axis, and a whole vector, unless told otherwise", async () => {
    expect(await ratesOf({})).toEqual({ table: 4, depthwise: 5, kernel: 6, bias: 1 });
  });

  test("goes by a record of names; what is not in it goes by rank", async () => {
    expect(await ratesOf({ channelAxis: { table: 0, depthwise: [2, 3], bias: 0 } })).toEqual({
      table: 7,
      depthwise: 10,
      kernel: 6,
      bias: 6,
    });
  });

  test("is known by the role that TensorFlow.js writes into a variable's name, but by rank where its shape is not that role's", async () => {
    const shapes = {
      "conv/depthwise_kernel": [3, 3, 2, 5],
      "conv/depthwise_kernel_12": [3, 3, 2, 4],
      "body/word/embeddings_1": [7, 4],
      embeddings: [6, 4],
      "word/embeddings": [2, 3, 5],
      "word/my_embeddings": [7, 4],
      "embeddings/kernel": [7, 4],
      "depthwise_kernel/constructor": [7, 3],
    };
    expect(await ratesOf({}, shapes)).toEqual({
      "conv/depthwise_kernel": 10,
      "conv/depthwise_kernel_12": 8,
      "body/word/embeddings_1": 7,
      embeddings: 6,
      "word/embeddings": 5,
      "word/my_embeddings": 4,
      "embeddings/kernel": 4,
      "depthwise_kernel/constructor": 3,
    });
    expect(
      await ratesOf({ channelAxis: { embeddings: -1, "conv/depthwise_kernel": 3 } }, shapes),
      "unless told otherwise",
    ).toMatchObject({ embeddings: 4, "conv/depthwise_kernel": 5, "conv/depthwise_kernel_12": 8 });
  });

  test("goes by a function of name and shape; where it returns nothing, by rank", async () => {
    const channelAxis = ({ name, shape }: { name: string; shape: readonly number[] }) =>
      name === "table" ? -2 : shape.length === 4 ? [-1, -2] : undefined;
    expect(await ratesOf({ channelAxis })).toEqual({ table: 7, depthwise: 10, kernel: 6, bias: 1 });
  });
});
