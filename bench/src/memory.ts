/** What training holds in memory, each time in a new process. */
import { type Benchmark, empty, judged } from "./measure.js";
import type { NetworkName } from "./networks/catalogue.js";
import { type By, inNode, type Memory } from "./peers/process.js";

/** What a step of the network holds; of ours after two others, by which optimizers and kernels have all that they keep. */
async function held(by: By, name: NetworkName, examples?: number): Promise<Memory> {
  const trainer = inNode(by, name, examples);
  try {
    if (by === "ours") await trainer.ask({ steps: 2 });
    return await trainer.ask<Memory>({ memory: true });
  } finally {
    await trainer.dispose();
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** The WASM backend's memory, which never shrinks. */
const heap: Benchmark = {
  name: "memory: MobileNetV2 whole, heap",
  seconds: 12,
  async run() {
    const { heap } = await held("ours", "MobileNetV2 whole");
    const ratio = heap / 0.9e9;
    const work = `three steps with AdamW, batch 16: ${megabytes(heap)}`;
    return {
      ...empty("MobileNetV2 whole: WASM heap at its peak", work, "0.9 GB"),
      ratio,
      ...judged(ratio, { atMost: 1 }),
    };
  },
};

/** What tensors hold at most in a step, against TensorFlow.js as it comes: its cpu backend, because its WASM backend cannot do the step. */
const tensors = (name: NetworkName): Benchmark => ({
  name: `memory: ${name}, tensors in a step`,
  seconds: 8,
  async run() {
    const examples = 1; // More would take it minutes.
    const ours = (await held("ours", name, examples)).tensors;
    const theirs = (await held("cpu", name, examples)).tensors;
    const work = `training step, batch ${examples}: ${megabytes(ours)}`;
    const peer = `tfjs cpu backend with tf.train.adam: ${megabytes(theirs)}`;
    return {
      ...empty(`${name}: tensors held at most`, work, peer),
      ratio: ours / theirs,
      ...judged(ours / theirs, { atMost: 1 }),
    };
  },
});

const names: readonly NetworkName[] = [
  "MLP",
  "conv net",
  "ViT",
  "MobileNetV2 blocks",
  "ResNet blocks",
  "MobileNetV2 whole",
];

export const memoryRows: readonly Benchmark[] = [heap, ...names.map(tensors)];
