/**
 * Makes `weights/mixer.safetensors` and `weights/conv.safetensors`: the model learns to name shapes, none of them a class of the study, in five of the six domains and
 * under strong augmentation. This is the part that CLIP or MoCo plays in the paper: features that are good everywhere, bought with breadth.
 *
 * Run it with `node dist/pretrain.js [--model mixer] [--steps 12000] [--seed 1] [--out weights/mixer.safetensors]`; it takes some minutes on one core.
 * The same seed gives the same weights on the same backend.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { randomStream } from "@hypergrad/example-kit";
import * as tf from "@tensorflow/tfjs";
import "@hypergrad/wasm";
import { augment } from "./augment.js";
import { drawPretraining, PICTURE_LENGTH, PICTURE_SIZE, PRETRAINED } from "./data.js";
import { PRETRAINING } from "./domains/pretraining-shapes.js";
import { createModel, type Model, randomBackbone, withoutHead, zeroHead } from "./model.js";
import { MODEL_NAMES, MODELS, type ModelName } from "./models/index.js";
import { encodeWeights } from "./weights.js";

/** Pictures of every class in every domain that are drawn once and then augmented. */
const PER_CLASS = 100;
/** Pictures of every class in every domain that are kept to watch progress with. */
const PER_CLASS_HELD_OUT = 1;
const BATCH = 32;
/** Peak learning rate of Adam; it rises over the first 5% of the steps and then falls along half a cosine. */
const PEAK_RATE = 2e-3;

/** Pictures as signed bytes, a quarter of the memory of floats; the augmentation's noise is far above the rounding. */
interface Pool {
  images: Int8Array;
  labels: Int32Array;
}

function drawPool(seed: number, perClass: number): Pool {
  const drawn = PRETRAINED.map((domain) => drawPretraining(domain, { seed, perClass }));
  const images = new Int8Array(drawn.reduce((sum, d) => sum + d.images.length, 0));
  let at = 0;
  for (const d of drawn) for (const value of d.images) images[at++] = Math.round(127 * value);
  return { images, labels: Int32Array.from(drawn.flatMap((d) => [...d.labels])) };
}

function learningRate(step: number, steps: number): number {
  const warm = Math.ceil(steps / 20);
  if (step < warm) return (PEAK_RATE * (step + 1)) / warm;
  return (PEAK_RATE * (1 + Math.cos((Math.PI * (step - warm)) / (steps - warm)))) / 2;
}

/** Share of a pool that the model names correctly. */
function accuracy(model: Model, { images, labels }: Pool): number {
  let right = 0;
  for (let from = 0; from < labels.length; from += 64) {
    const count = Math.min(64, labels.length - from);
    const values = Float32Array.from(
      images.subarray(from * PICTURE_LENGTH, (from + count) * PICTURE_LENGTH),
      (byte) => byte / 127,
    );
    const named = tf.tidy(() =>
      tf.argMax(model.forward(tf.tensor4d(values, [count, PICTURE_SIZE, PICTURE_SIZE, 3])), 1).dataSync(),
    );
    for (let i = 0; i < count; i++) if (named[i] === labels[from + i]) right++;
  }
  return right / labels.length;
}

/** Draws batches of augmented pictures and takes a step on each; the returned function takes one, and returns the loss before it. */
function trainer(model: Model, pool: Pool, seed: number, steps: number): (step: number) => number {
  const classes = PRETRAINING.length;
  const optimizer = tf.train.adam(PEAK_RATE);
  const variables = Object.values(model.variables);
  const random = randomStream(seed, "batches");
  const images = new Float32Array(BATCH * PICTURE_LENGTH);
  const labels = new Int32Array(BATCH);
  return (step) => {
    for (let i = 0; i < BATCH; i++) {
      const picture = random.integer(pool.labels.length);
      labels[i] = pool.labels[picture]!;
      augment(pool.images, picture * PICTURE_LENGTH, images, i * PICTURE_LENGTH, random);
    }
    // tfjs declares an optimizer's rate protected and offers no schedule.
    (optimizer as unknown as { learningRate: number }).learningRate = learningRate(step, steps);
    return tf.tidy(() => {
      const pictures = tf.tensor4d(images.slice(), [BATCH, PICTURE_SIZE, PICTURE_SIZE, 3]);
      const wanted = tf.oneHot(tf.tensor1d(labels.slice(), "int32"), classes);
      const loss = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(wanted, model.forward(pictures)) as tf.Scalar,
        true,
        variables,
      );
      return loss!.dataSync()[0]!;
    });
  };
}

async function pretrain(name: ModelName, seed: number, steps: number, out: string): Promise<void> {
  await tf.setBackend("wasm");
  const classes = PRETRAINING.length;
  console.log(
    `Drawing ${PER_CLASS * classes * PRETRAINED.length} pictures of ${classes} classes in ${PRETRAINED.length} domains …`,
  );
  const pool = drawPool(seed, PER_CLASS);
  const heldOut = drawPool(seed + 1, PER_CLASS_HELD_OUT);
  const architecture = MODELS[name];
  const model = createModel({ ...randomBackbone(architecture, seed), ...zeroHead(classes) }, { architecture, classes });
  const take = trainer(model, pool, seed, steps);

  const start = performance.now();
  let lossSum = 0;
  for (let step = 0; step < steps; step++) {
    lossSum += take(step);
    if ((step + 1) % 500 !== 0 && step + 1 !== steps) continue;
    const seconds = (performance.now() - start) / 1000;
    const held = (100 * accuracy(model, heldOut)).toFixed(1);
    console.log(
      `step ${step + 1}/${steps}  loss ${(lossSum / ((step % 500) + 1)).toFixed(3)}  held-out accuracy ${held}%  ${seconds.toFixed(0)} s`,
    );
    lossSum = 0;
  }

  mkdirSync(dirname(out), { recursive: true });
  const bytes = encodeWeights(withoutHead(model.weights()), {
    seed: String(seed),
    steps: String(steps),
    classes: String(classes),
  });
  writeFileSync(out, bytes);
  console.log(`Wrote ${out} (${(bytes.length / 1024).toFixed(0)} KiB).`);
}

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "mixer" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "12000" },
    out: { type: "string" },
  },
});
const name = values.model as ModelName;
if (!MODEL_NAMES.includes(name)) throw new Error(`--model is "${name}"; expected ${MODEL_NAMES.join(" or ")}.`);
const out = values.out ?? fileURLToPath(new URL(`../weights/${name}.safetensors`, import.meta.url));
await pretrain(name, Number(values.seed), Number(values.steps), out);
