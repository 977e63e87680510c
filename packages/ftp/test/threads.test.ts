/**
 * Optimizer steps on large tensors: the same bits whatever the number of threads.
 */
import { chain, hyper, learned, type Spec } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw, clipByGlobalNorm, sgd } from "@hypergrad/optimizers";
import { setThreads } from "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, test } from "vitest";

beforeAll(async () => {
  await setThreads(2);
  await tf.setBackend("wasm");
});

/** Numbers in (−1, 1) from a seed. */
const noise = (shape: readonly number[], seed: number): tf.Tensor =>
  tf.tidy(() => tf.sin(tf.mul(tf.range(0, tf.util.sizeFromShape([...shape])), 1 + seed)).reshape([...shape]));

/** Large enough for several threads, in sizes that no piece divides; whose channels lie in rows, and across them. */
const shapes: readonly number[][] = [[200_003], [3, 3, 173, 131], [401, 517]];

/** The bits of everything after some steps. */
function trained(spec: Spec): Buffer {
  const variables = shapes.map((shape, i) => tf.tidy(() => tf.variable(noise(shape, i + 1), true, `steps/${i}`)));
  const optimizer = hyper(spec);
  for (let step = 0; step < 3; step++) {
    const gradients = Object.fromEntries(variables.map((v, i) => [v.name, noise(v.shape, 10 * step + i)]));
    optimizer.applyGradients(gradients);
    tf.dispose(gradients);
  }
  const bits = variables.map((v) => Buffer.from(v.dataSync().buffer));
  const rates = Buffer.from(JSON.stringify(optimizer.hyperparameters()));
  optimizer.dispose();
  tf.dispose(variables);
  return Buffer.concat([...bits, rates]);
}

const specs: Readonly<Record<string, Spec>> = {
  "of AdamW": adamw({ lr: 1e-2 }),
  "of AdamW with a learned rate, whose hyper-gradient is a sum over all": adamw({
    lr: learned(1e-2, sgd({ lr: 1e-4 })),
  }),
  "of AdamW with a rate for every channel": adamw({ lr: learned(1e-2, sgd({ lr: 1e-4 }), { per: "channel" }) }),
  "of FTP, whose projection sums over the rows of a tensor": ftp(adamw({ lr: 1e-2 })),
  "of AdamW that clips by the norm of all gradients": chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ lr: 1e-2 })),
};

test.each(Object.entries(specs))("%s", async (_, spec) => {
  const results: Buffer[] = [];
  for (const count of [1, 2, 3]) {
    await setThreads(count);
    results.push(trained(spec));
  }
  const [one, two, three] = results as [Buffer, Buffer, Buffer];
  expect(two.equals(one)).toBe(true);
  expect(three.equals(one)).toBe(true);
});
