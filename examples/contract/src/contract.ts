/**
 * The contract: the lines of the README, as a program that compiles and runs.
 *
 * Each spec takes a few steps on a small model, and what must be true of it is checked; the program ends with an error where it is not.
 */
import assert from "node:assert/strict";
import { cosine, hyper, learned } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import "@hypergrad/wasm"; // fused kernels and the gradients that the WASM backend lacks

await tf.setBackend("wasm");

const specs = {
  "a number": adamw({ lr: 1e-3 }),
  "a schedule": adamw({ lr: cosine(1e-3, { steps: 5000 }) }),
  "learned by its hyper-gradient": adamw({ lr: learned(1e-3, sgd({ lr: 1e-6 })) }),
  "a tower": adamw({ lr: learned(1e-3, sgd({ lr: learned(1e-6, sgd({ lr: 1e-9 })) })) }),
  "one radius per layer": ftp(adamw({ lr: 1e-4, weightDecay: 0.05 }), { k: 1, exclude: /head/ }),
  both: ftp(adamw({ lr: learned(1e-4, sgd({ lr: 1e-8 })) })),
};

const xs = tf.randomUniform([32, 8], -1, 1, "float32", 1);
const ys = tf.oneHot(tf.cast(tf.greater(tf.sum(xs, 1), 0), "int32"), 2);

for (const [name, spec] of Object.entries(specs)) {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 1 });
  const id = name.replaceAll(" ", "_");
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 8, activation: "relu", inputShape: [8], kernelInitializer, name: `body_${id}` }),
      tf.layers.dense({ units: 2, activation: "softmax", kernelInitializer, name: `head_${id}` }),
    ],
  });
  const optimizer = hyper(spec);
  model.compile({ optimizer, loss: "categoricalCrossentropy" });
  const { history } = await model.fit(xs, ys, { epochs: 4, batchSize: 8, shuffle: false, verbose: 0 });
  const losses = history.loss as number[];
  assert.ok(losses.every(Number.isFinite), `${name}: the loss is finite`);
  assert.ok((losses.at(-1) as number) < (losses[0] as number), `${name}: the loss falls`);
  assert.equal(optimizer.iterations, 16);
  const first = Object.values(await optimizer.hyperparameters())[0] as Record<string, number>;
  console.log(
    `${name.padEnd(30)} loss ${(losses[0] as number).toFixed(4)} → ${(losses.at(-1) as number).toFixed(4)}   lr ${first.lr}`,
  );
  optimizer.dispose();
  model.dispose();
}
