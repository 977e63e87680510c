import { cosine, hyper, learned, type Spec } from "@hypergrad/core";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { backends, noiseOf } from "../../core/test/support.js";

/** Points in five dimensions, and which of the first three coordinates is the largest. */
function problem(): { xs: tf.Tensor; ys: tf.Tensor } {
  const xs = noiseOf([64, 5], 1);
  return { xs, ys: tf.tidy(() => tf.oneHot(tf.argMax(tf.slice(xs, [0, 0], [64, 3]), 1), 3)) };
}

function newModel(): tf.Sequential {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 8, activation: "relu", inputShape: [5] }),
      tf.layers.dense({ units: 3, activation: "softmax" }),
    ],
  });
  model.setWeights([noiseOf([5, 8], 2), noiseOf([8], 3), noiseOf([8, 3], 4), noiseOf([3], 5)]);
  return model;
}

afterEach(() => tf.disposeVariables());

describe.each(backends)("on the %s backend, a tf.LayersModel", (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    return async () => {
      await tf.setBackend("cpu");
    };
  });

  const specs: Readonly<Record<string, Spec>> = {
    "adamw with a number": adamw({ lr: 0.02 }),
    "adam with amsgrad and a schedule": adam({ lr: cosine(0.03, { steps: 60 }), amsgrad: true }),
    "sgd with momentum": sgd({ lr: 0.1, momentum: 0.9, nesterov: true }),
    "adamw with a learned rate, a tower of two": adamw({
      lr: learned(0.01, sgd({ lr: learned(1e-5, sgd({ lr: 1e-9 })) })),
    }),
    "sgd with a rate per channel": sgd({ lr: learned(0.1, adam({ lr: 1e-3 }), { per: "channel", in: "log" }) }),
  };
  test.each(Object.entries(specs))(
    "is fitted with %s: the loss falls, the accuracy rises, the memory stays",
    async (_name, spec) => {
      const model = newModel();
      const optimizer = hyper(spec);
      model.compile({ optimizer, loss: "categoricalCrossentropy", metrics: ["accuracy"] });
      const { xs, ys } = problem();
      const numTensors: number[] = [];
      const { history } = await model.fit(xs, ys, {
        epochs: 8,
        batchSize: 16,
        shuffle: false,
        verbose: 0,
        callbacks: { onEpochEnd: () => void numTensors.push(tf.memory().numTensors) },
      });
      const [loss, acc] = [history.loss, history.acc] as [number[], number[]];
      expect(loss.at(-1)).toBeLessThan(0.85 * (loss[0] as number));
      expect(acc.at(-1)).toBeGreaterThan(acc[0] as number);
      expect(optimizer.iterations).toBe(32);
      expect(new Set(numTensors.slice(1)).size).toBe(1);
      optimizer.dispose();
      model.dispose();
      tf.dispose([xs, ys]);
    },
  );

  test("is trained batch by batch, to the same effect as by fit", async () => {
    const run = async (train: (model: tf.Sequential, xs: tf.Tensor, ys: tf.Tensor) => Promise<unknown>) => {
      const model = newModel();
      const optimizer = hyper(adamw({ lr: learned(0.01, sgd({ lr: 1e-6 })) }));
      model.compile({ optimizer, loss: "categoricalCrossentropy", metrics: ["accuracy"] });
      const { xs, ys } = problem();
      await train(model, xs, ys);
      const weights = model.getWeights().map((weight) => [...weight.dataSync()]);
      optimizer.dispose();
      model.dispose();
      tf.dispose([xs, ys]);
      return weights;
    };
    const losses: number[] = [];
    const byBatch = await run(async (model, xs, ys) => {
      for (let i = 0; i < 6; i++) losses.push(((await model.trainOnBatch(xs, ys)) as number[])[0] as number);
    });
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
    expect(byBatch).toEqual(
      await run((model, xs, ys) => model.fit(xs, ys, { epochs: 6, batchSize: 64, shuffle: false, verbose: 0 })),
    );
  });

  test("is saved with its optimizer, from which the run goes on bit for bit; saving again takes no more memory", async () => {
    const spec = adamw({ lr: learned(0.01, sgd({ lr: 1e-6 }), { per: "channel" }) });
    const model = newModel();
    const optimizer = hyper(spec);
    const loss = "categoricalCrossentropy";
    model.compile({ optimizer, loss });
    const { xs, ys } = problem();
    for (let i = 0; i < 3; i++) await model.trainOnBatch(xs, ys);

    const numTensors: number[] = [];
    const saved: tf.io.ModelArtifacts[] = [];
    for (let i = 0; i < 3; i++) {
      const handler = tf.io.withSaveHandler(async (artifacts) => {
        saved.push(artifacts);
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
      });
      await model.save(handler, { includeOptimizer: true });
      numTensors.push(tf.memory().numTensors);
    }
    expect(new Set(numTensors).size).toBe(1);
    const artifacts = saved[0] as tf.io.ModelArtifacts;
    expect(artifacts.trainingConfig?.optimizer_config).toMatchObject({ class_name: "HyperOptimizer" });
    expect(JSON.parse(JSON.stringify(artifacts.trainingConfig))).toEqual(artifacts.trainingConfig);

    for (let i = 0; i < 3; i++) await model.trainOnBatch(xs, ys);
    const expected = model.getWeights().map((weight) => [...weight.dataSync()]);

    const values = tf.io.decodeWeights(artifacts.weightData as ArrayBuffer, artifacts.weightSpecs ?? []);
    const names = (artifacts.weightSpecs ?? []).filter(({ group }) => group === "optimizer").map(({ name }) => name);
    model.setWeights(model.weights.map((weight) => values[weight.originalName] as tf.Tensor));
    const resumed = hyper(spec);
    await resumed.setWeights(names.map((name) => ({ name, tensor: values[name] as tf.Tensor })));
    model.compile({ optimizer: resumed, loss });
    for (let i = 0; i < 3; i++) await model.trainOnBatch(xs, ys);
    expect(model.getWeights().map((weight) => [...weight.dataSync()])).toEqual(expected);
    optimizer.dispose();
    resumed.dispose();
    model.dispose();
    tf.dispose([xs, ys, values]);
  });

  test("that was saved with its optimizer is loaded without it: what is learned how is code, which no JSON holds", async () => {
    const model = newModel();
    const optimizer = hyper(adamw());
    model.compile({ optimizer, loss: "categoricalCrossentropy" });
    const { xs, ys } = problem();
    await model.trainOnBatch(xs, ys);
    let artifacts: tf.io.ModelArtifacts = {};
    const handler = tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    });
    await model.save(handler, { includeOptimizer: true });
    const { trainingConfig, ...withoutOptimizer } = artifacts;
    expect(trainingConfig).toBeDefined();
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(withoutOptimizer));
    const valuesOf = (of: tf.LayersModel) => of.getWeights().map((weight) => [...weight.dataSync()]);
    expect(valuesOf(loaded)).toEqual(valuesOf(model));
    optimizer.dispose();
    for (const each of [loaded, model]) each.dispose();
    tf.dispose([xs, ys]);
  });
});
