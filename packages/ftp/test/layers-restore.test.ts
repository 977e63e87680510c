/**
 * Checkpoints and models of tfjs-layers: a model that is built a second time has other names, and an optimizer's state must not go to the first.
 */
import { decodeCheckpoint, encodeCheckpoint, type HyperOptimizer, hyper, learned } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { noiseOf, refusesLater } from "../../core/test/support.js";

/** Of the names of layers: tfjs remembers every name that there was. */
let n = 0;
beforeEach(() => n++);
afterEach(() => tf.disposeVariables());

const spec = ftp(adamw({ lr: learned(0.02, sgd({ lr: 1e-5 })) }), { exclude: /head/ });

function build(): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [6, 6, 2], name: `conv${n}` }),
      tf.layers.depthwiseConv2d({ kernelSize: 2, name: `depthwise${n}` }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: "softmax", name: `head${n}` }),
    ],
  });
}

/** A model with the weights that it is pre-trained with. */
function pretrained(): tf.Sequential {
  const model = build();
  model.setWeights(model.getWeights().map((weight, i) => tf.mul(noiseOf(weight.shape, i), 0.3)));
  return model;
}

const xs = noiseOf([32, 6, 6, 2], 91);
const ys = tf.oneHot(
  tf.tensor1d(
    [...Array(32).keys()].map((i) => i % 3),
    "int32",
  ),
  3,
);

async function trained(model: tf.Sequential, optimizer: HyperOptimizer, epochs: number): Promise<void> {
  model.compile({ optimizer, loss: "categoricalCrossentropy" });
  await model.fit(xs, ys, { epochs, batchSize: 16, shuffle: false, verbose: 0 });
}

const valuesOf = (model: tf.Sequential): number[][] => model.getWeights().map((weight) => [...weight.dataSync()]);

/** A run that was saved after three epochs, and the weights that it has after five. */
async function interrupted() {
  const model = pretrained();
  const optimizer = hyper(spec);
  await trained(model, optimizer, 3);
  const file = encodeCheckpoint(await optimizer.checkpoint());
  const saved = model.getWeights().map((weight) => weight.clone());
  await trained(model, optimizer, 2);
  const expected = { weights: valuesOf(model), hyperparameters: await optimizer.hyperparameters() };
  optimizer.dispose();
  return { model, file, saved, expected };
}

describe("a model that is built a second time, in the same process,", () => {
  test("goes on with its own state where restore names it, and the first model's is left alone", async () => {
    const { file, saved, expected } = await interrupted();
    const second = build();
    second.setWeights(saved);
    expect((second.weights[0] as tf.LayerVariable & { name: string }).name).toBe(`conv${n}/kernel_1`);
    const optimizer = hyper(spec);
    optimizer.restore(decodeCheckpoint(file), { variables: second });
    await trained(second, optimizer, 2);
    expect(valuesOf(second)).toEqual(expected.weights);
    const renamed = Object.entries(expected.hyperparameters).map(([name, values]) => [`${name}_1`, values]);
    expect(await optimizer.hyperparameters()).toEqual(Object.fromEntries(renamed));
    optimizer.dispose();
  });

  test("is not trained from the first one's anchors without a word", async () => {
    const { file } = await interrupted();
    const second = build();
    const optimizer = hyper(spec);
    optimizer.restore(decodeCheckpoint(file));
    const before = valuesOf(second);
    await refusesLater(
      () => trained(second, optimizer, 1),
      `the restored state is that of conv${n}/kernel, conv${n}/bias`,
      `it trains conv${n}/kernel_1, conv${n}/bias_1`,
      "restore(checkpoint, { variables: model })",
    );
    expect(valuesOf(second)).toEqual(before);
    optimizer.dispose();
  });

  test("goes on where the first was disposed of, and is told how where it is not named", async () => {
    const { model, file, saved, expected } = await interrupted();
    model.dispose();
    const second = build();
    second.setWeights(saved);
    const optimizer = hyper(spec);
    const checkpoint = decodeCheckpoint(file);
    await refusesLater(
      async () => optimizer.restore(checkpoint),
      `no variable for the state of conv${n}/kernel, conv${n}/bias`,
      `conv${n}/kernel_1`,
      "{ variables: model }",
    );
    optimizer.restore(checkpoint, { variables: second });
    await trained(second, optimizer, 2);
    expect(valuesOf(second)).toEqual(expected.weights);
    optimizer.dispose();
  });
});

test("a model that is loaded again, with its optimizer's weights, goes on under whatever names it has", async () => {
  const { expected } = await interrupted();
  const model = pretrained();
  const first = hyper(spec);
  await trained(model, first, 3);
  let artifacts: tf.io.ModelArtifacts | undefined;
  const handler = tf.io.withSaveHandler(async (given) => {
    artifacts = given;
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
  });
  await model.save(handler, { includeOptimizer: true });
  const weights = await first.getWeights();
  const { modelTopology, weightSpecs, weightData } = artifacts as tf.io.ModelArtifacts;
  const loaded = (await tf.loadLayersModel(
    tf.io.fromMemory({
      modelTopology,
      weightSpecs: weightSpecs?.filter(({ group }) => group !== "optimizer"),
      weightData,
    } as tf.io.ModelArtifacts),
  )) as tf.Sequential;
  const optimizer = hyper(spec);
  await optimizer.setWeights(weights, { variables: loaded });
  await trained(loaded, optimizer, 2);
  expect(valuesOf(loaded)).toEqual(expected.weights);
  first.dispose();
  optimizer.dispose();
});

test("the body of another model goes on, with a new head", async () => {
  const { file } = await interrupted();
  const second = build();
  const variables = Object.fromEntries(
    second.layers
      .filter(({ name }) => !name.startsWith("head"))
      .flatMap(({ weights }) => weights)
      .map((weight) => [weight.originalName, weight.read() as tf.Variable]),
  );
  const optimizer = hyper(spec);
  optimizer.restore(decodeCheckpoint(file), { variables });
  await trained(second, optimizer, 1);
  expect(Object.keys(await optimizer.hyperparameters())).toEqual([
    `conv${n}/kernel_1`,
    `conv${n}/bias_1`,
    `depthwise${n}/depthwise_kernel_1`,
    `depthwise${n}/bias_1`,
    `head${n}/kernel_1`,
    `head${n}/bias_1`,
  ]);
  optimizer.dispose();
});
