import { hyper, learned, type Spec } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { backends, noiseOf, refuses } from "../../core/test/support.js";

afterEach(() => tf.disposeVariables());

let models = 0;

/** A body that is pre-trained, as far as this goes, and a new head. */
function newModel(): tf.Sequential {
  models++;
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 16, activation: "relu", inputShape: [5], name: `body_${models}` }),
      tf.layers.dense({ units: 3, activation: "softmax", name: `head_${models}` }),
    ],
  });
  model.setWeights([noiseOf([5, 16], 2), noiseOf([16], 3), tf.zeros([16, 3]), tf.zeros([3])]);
  return model;
}

function problem(): { xs: tf.Tensor; ys: tf.Tensor } {
  const xs = noiseOf([64, 5], 1);
  return { xs, ys: tf.tidy(() => tf.oneHot(tf.argMax(tf.slice(xs, [0, 0], [64, 3]), 1), 3)) };
}

const variablesOf = (model: tf.LayersModel): tf.Variable[] =>
  model.trainableWeights.map((weight) => weight.read() as tf.Variable);

describe.each(backends)(
  "on the %s backend, model.compile({ optimizer: hyper(ftp(adamw(…), { exclude: /head/ })) })",
  (backend) => {
    beforeAll(async () => {
      await tf.setBackend(backend);
      return async () => {
        await tf.setBackend("cpu");
      };
    });

    const exclude = /head/;
    const specs: Readonly<Record<string, () => Spec>> = {
      AdamW: () => ftp(adamw({ lr: 0.02, weightDecay: 0.05 }), { k: 1, exclude }),
      "AdamW with a learned rate": () => ftp(adamw({ lr: learned(0.02, sgd({ lr: 1e-5 })) }), { exclude }),
      "tf.train.adam": () => ftp(tf.train.adam(0.02), { exclude }),
    };
    test.each(Object.entries(specs))(
      "is fitted with %s: the loss falls, the accuracy rises, the body stays near",
      async (_name, specOf) => {
        const model = newModel();
        const start = variablesOf(model).map((variable) => variable.clone());
        const optimizer = hyper(specOf());
        model.compile({ optimizer, loss: "categoricalCrossentropy", metrics: ["accuracy"] });
        const { xs, ys } = problem();
        const numTensors: number[] = [];
        const { history } = await model.fit(xs, ys, {
          epochs: 6,
          batchSize: 16,
          shuffle: false,
          verbose: 0,
          callbacks: { onEpochEnd: () => void numTensors.push(tf.memory().numTensors) },
        });
        const [loss, acc] = [history.loss, history.acc] as [number[], number[]];
        expect(loss.at(-1)).toBeLessThan(0.85 * (loss[0] as number));
        expect(acc.at(-1)).toBeGreaterThan(acc[0] as number);
        expect(optimizer.iterations).toBe(24);
        expect(new Set(numTensors.slice(1)).size).toBe(1);

        const before = await model.trainOnBatch(xs, ys);
        for (let i = 0; i < 3; i++) await model.trainOnBatch(xs, ys);
        const after = await model.trainOnBatch(xs, ys);
        expect((after as number[])[0]).toBeLessThan((before as number[])[0] as number);

        const hyperparameters = await optimizer.hyperparameters();
        for (const [i, variable] of variablesOf(model).entries()) {
          const { radius } = hyperparameters[variable.name] ?? {};
          if (exclude.test(variable.name)) {
            expect(radius).toBeUndefined();
            continue;
          }
          // No row is farther from where it was than its radius.
          const offset = tf.sub(variable, start[i] as tf.Tensor).abs();
          const rows = offset.rank < 2 ? tf.sum(offset) : tf.sum(offset, [0]);
          expect(Math.max(...rows.dataSync())).toBeLessThan((radius as number) * (1 + 1e-4));
          expect(radius).toBeGreaterThan(0.001);
          expect(radius).toBeLessThan(0.5);
        }
        optimizer.dispose();
        model.dispose();
        tf.dispose([xs, ys, ...start]);
      },
    );
  },
);

test("the optimizer's config is plain JSON that names what is excluded", () => {
  const optimizer = hyper(ftp(adamw({ lr: 0.02 }), { exclude: [/head/i, "tail"] }));
  const config = optimizer.getConfig();
  expect(JSON.parse(JSON.stringify(config))).toEqual(config);
  expect(config.spec).toMatchObject({
    "ftp: exclude": ["/head/i", "tail"],
    matching: { rule: "adamw", lr: 0.02 },
    otherwise: {
      rule: "ftp(adamw)",
      lr: 0.02,
      radius: { learned: 1e-8, per: "tensor", by: { rule: "adam", lr: 0.01 } },
    },
  });
  optimizer.dispose();
});

describe("the rows of a compiled model's", () => {
  /** How far a step of FTP with a radius of 0.01 takes every row that has a gradient. */
  async function normsOf(layers: tf.layers.Layer[], xs: tf.Tensor, of: string, axes: number[]): Promise<number[]> {
    const model = tf.sequential({ layers: [...layers, tf.layers.flatten(), tf.layers.dense({ units: 1 })] });
    const optimizer = hyper(ftp(sgd({ lr: 10 }), { radius: 0.01 }));
    model.compile({ optimizer, loss: (_, predicted) => tf.sum(predicted) });
    const variable = model.trainableWeights.find(({ originalName }) => originalName === of)?.read() as tf.Variable;
    const start = variable.clone();
    const ys = tf.zeros([xs.shape[0] as number, 1]);
    for (let i = 0; i < 2; i++) await model.trainOnBatch(xs, ys);
    const norms = [...tf.sum(tf.abs(tf.sub(variable, start)), axes).dataSync()];
    optimizer.dispose();
    model.dispose();
    tf.dispose([start, xs, ys]);
    return norms;
  }

  test("embedding are tokens: only those that occur leave their anchor", async () => {
    const embedding = tf.layers.embedding({ inputDim: 7, outputDim: 4, inputLength: 3, name: "tokens" });
    const norms = await normsOf([embedding], tf.tensor2d([[1, 2, 2]]), "tokens/embeddings", [1]);
    norms.forEach((norm, token) => {
      expect(norm).toBeCloseTo([1, 2].includes(token) ? 0.01 : 0, 6);
    });
  });

  test("depthwise kernel are pairs of channel and multiplier, each as far as the radius", async () => {
    const depthwise = tf.layers.depthwiseConv2d({
      kernelSize: 2,
      depthMultiplier: 2,
      inputShape: [4, 4, 3],
      name: "deep",
    });
    const norms = await normsOf([depthwise], noiseOf([2, 4, 4, 3], 5), "deep/depthwise_kernel", [0, 1]);
    expect(norms).toHaveLength(6);
    for (const norm of norms) expect(norm).toBeCloseTo(0.01, 6);
  });
});

describe("an existing tf.Optimizer under FTP", () => {
  const loss = (w: tf.Variable) => () => tf.sum(tf.square(tf.sub(w, 1))) as tf.Scalar;

  test.each<[string, () => tf.Optimizer]>([
    ["adam", () => tf.train.adam(0.1)],
    ["momentum", () => tf.train.momentum(0.1, 0.9)],
    ["rmsprop", () => tf.train.rmsprop(0.1)],
  ])("(%s) goes its own way where the radius is out of reach", (_name, make) => {
    const run = (optimizer: tf.Optimizer) => {
      const w = tf.variable(noiseOf([3, 2], 1), true, "w");
      for (let i = 0; i < 5; i++) optimizer.minimize(loss(w));
      const values = [...w.dataSync()];
      optimizer.dispose();
      w.dispose();
      return values;
    };
    const alone = run(make());
    const inner = make();
    const projected = run(hyper(ftp(inner, { radius: 1e6 })));
    // θ₀ + (θ̃ − θ₀) rounds where θ̃ does not.
    alone.forEach((x, i) => {
      expect(projected[i]).toBeCloseTo(x, 5);
    });
    inner.dispose();
  });

  test("cannot be saved, and says so", async () => {
    const w = tf.variable(noiseOf([3, 2], 1), true, "w");
    const inner = tf.train.adam(0.1);
    const optimizer = hyper(ftp(inner));
    optimizer.minimize(loss(w));
    const error = await optimizer.checkpoint().catch(({ message }: Error) => message);
    expect(error).toContain("checkpoint: ftp(tf.Adam) keeps its state to itself");
    expect(error).toContain("@hypergrad/optimizers");
    optimizer.dispose();
    inner.dispose();
  });

  test("is not touched by a step that is refused", () => {
    const w = tf.variable(noiseOf([3, 2], 1), true, "w");
    const inner = tf.train.adam(0.1);
    const optimizer = hyper(ftp(inner));
    const before = [...w.dataSync()];
    refuses(() => optimizer.applyGradients({ w: tf.fill([3, 2], Number.NaN) }), 'the gradient of "w"');
    expect([...w.dataSync()]).toEqual(before);
    expect(inner.iterations).toBe(0);
    optimizer.dispose();
    inner.dispose();
  });

  test("cannot be a learner", () => {
    refuses(
      () => learned(1e-8, tf.train.adam(0.1) as never),
      "learned: by: expected an optimizer",
      "got AdamOptimizer",
    );
  });
});
