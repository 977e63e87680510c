/**
 * Forward and backward passes, and whole training steps.
 */
import { hyper } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { type Benchmark, type Contender, compare, local, type Target } from "./measure.js";
import { networks } from "./networks/catalogue.js";
import { numbers } from "./networks/layers.js";
import { build, gradientsOf, inference, type Network, trainingStep } from "./networks/network.js";
import { peer } from "./peers/thread.js";
import type { Work } from "./peers/worker.js";

/** What the networks are, for the table. */
const MLP_WORK = networks.MLP.work;
const CONV_NET_WORK = networks["small conv net"].work;

/**
 * A network's work against a peer in a thread of its own; both must begin with the same loss. Short work is done several `times` in a turn: a thread that has just waited for the
 * other one begins slowly.
 */
function against(
  work: Work,
  what: { row: string; work: string; peer: string; target: Target; rounds: number; seconds: number; times?: number },
  build: () => { network: Network; step: (network: Network) => number },
): Benchmark {
  return {
    name: `${what.row} / ${what.peer}`,
    seconds: what.seconds,
    async run() {
      const { network, step } = build();
      const loss = step(network);
      const { times = 1 } = what;
      const theirs = await peer(work, times);
      if (!(Math.abs(theirs.loss - loss) < 1e-3)) {
        network.dispose();
        await theirs.dispose(); // A thread that is left waiting would keep the program from ending.
        throw new Error(`${what.row}: our loss is ${loss}, that of ${what.peer} ${theirs.loss}; expected the same.`);
      }
      return await compare(
        what,
        local(() => step(network), network.dispose, times),
        theirs,
      );
    },
  };
}

const images = (shape: readonly number[], seed: number): tf.Tensor4D =>
  tf.tensor4d(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
      1,
    ),
    shape as [number, number, number, number],
  );

/** Both gradients of a convolution against its forward pass. */
function convolution(input: readonly number[], filter: readonly number[], stride: number): Benchmark {
  const work = `[${input}] by [${filter}], stride ${stride}`;
  return {
    name: `gradients of conv2d, ${work}`,
    seconds: 2,
    run() {
      const [x, w] = [images(input, 1), images(filter, 2)];
      const dy = tf.conv2d(x, w, stride, "same");
      // Gradients alone: tf.grads runs the forward pass too, so its kernels are called themselves.
      const attrs = { strides: stride, pad: "same", dataFormat: "NHWC" };
      const backward = (): void => {
        const dx = tf.engine().runKernel("Conv2DBackpropInput", { dy, filter: w }, { ...attrs, inputShape: input });
        const dw = tf.engine().runKernel("Conv2DBackpropFilter", { x, dy }, { ...attrs, filterShape: filter });
        tf.dispose([dx, dw]);
      };
      const forward = (): void => tf.dispose(tf.conv2d(x, w, stride, "same"));
      return compare(
        { row: "both gradients of conv2d", work, peer: "its forward pass", rounds: 60, target: { atMost: 3.5 } },
        local(backward, () => tf.dispose([x, w, dy])),
        local(forward),
      );
    },
  };
}

/** A training step with and without the projection. */
const overhead: Benchmark = {
  name: "training step, AdamW + FTP / AdamW",
  seconds: 2,
  run() {
    const contender = (spec: Parameters<typeof hyper>[0]): Contender => {
      const network = build("MLP");
      const optimizer = hyper(spec);
      return local(
        () => trainingStep(network, optimizer),
        () => {
          optimizer.dispose();
          network.dispose();
        },
      );
    };
    return compare(
      {
        row: "training step, AdamW + FTP",
        work: `MLP ${MLP_WORK}`,
        peer: "the same with AdamW",
        rounds: 60,
      },
      contender(ftp(adamw({ lr: 1e-3 }))),
      contender(adamw({ lr: 1e-3 })),
    );
  },
};

/** All rows about models. */
export const modelRows: readonly Benchmark[] = [
  against(
    "stock MLP",
    {
      row: "MLP, forward + backward",
      work: MLP_WORK,
      peer: "stock tfjs WASM",
      target: { faster: 6 },
      rounds: 15,
      seconds: 5,
    },
    () => ({ network: build("MLP"), step: gradientsOf }),
  ),
  against(
    "jax MLP",
    {
      row: "MLP, training step with AdamW",
      work: MLP_WORK,
      peer: "jax-js (jit, WASM)",
      target: { atMost: 1 },
      rounds: 40,
      seconds: 4,
    },
    () => {
      const optimizer = hyper(adamw({ lr: 1e-3 }));
      return { network: build("MLP"), step: (network) => trainingStep(network, optimizer) };
    },
  ),
  against(
    "cpu conv net",
    {
      row: "conv net, training step",
      work: CONV_NET_WORK,
      peer: "tfjs cpu backend with tf.train.adam",
      target: { faster: 50 },
      rounds: 3,
      seconds: 30,
    },
    () => {
      const optimizer = hyper(adamw({ lr: 1e-3 }));
      return { network: build("small conv net"), step: (network) => trainingStep(network, optimizer) };
    },
  ),
  against(
    "stock MLP forward",
    {
      row: "MLP, forward",
      work: MLP_WORK,
      peer: "stock tfjs WASM",
      target: { atMost: 1.05 },
      rounds: 40,
      times: 10,
      seconds: 3,
    },
    () => ({ network: build("MLP"), step: inference }),
  ),
  against(
    "stock conv net forward",
    {
      row: "conv net, forward",
      work: CONV_NET_WORK,
      peer: "stock tfjs WASM",
      target: { atMost: 1.05 },
      rounds: 40,
      times: 10,
      seconds: 3,
    },
    () => ({ network: build("small conv net"), step: inference }),
  ),
  convolution([32, 28, 28, 16], [3, 3, 16, 32], 1),
  convolution([32, 28, 28, 16], [3, 3, 16, 32], 2),
  convolution([32, 32, 32, 3], [3, 3, 3, 32], 1),
  convolution([8, 14, 14, 64], [5, 5, 64, 64], 1),
  convolution([32, 14, 14, 64], [1, 1, 64, 128], 1),
  overhead,
];
