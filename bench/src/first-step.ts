/**
 * The first step, in which everything is compiled: of ours and of the peer in turns, each time in a process of its own.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Benchmark, type Contender, compare, empty, judged, type Time } from "./measure.js";
import { inNode } from "./peers/process.js";

const program = fileURLToPath(new URL("./peers/first-step.js", import.meta.url));

const inProcess = (optimizer: string): Contender => ({
  async time() {
    const { stdout } = await promisify(execFile)(process.execPath, [program, optimizer]);
    return (JSON.parse(stdout) as { step: number }).step;
  },
  dispose() {},
});

/** MobileNet's, compiling included. */
export const firstOfMobileNet: Benchmark = {
  name: "MobileNetV2 whole, first training step",
  seconds: 15,
  async run() {
    const trainer = inNode("ours", "MobileNetV2 whole");
    try {
      const first = await trainer.ask<Time>({ steps: 1 });
      await trainer.time();
      const later = await trainer.ask<Time>({ steps: 3 });
      const allowed = 3 * later.cpu + 500;
      return {
        ...empty(
          "MobileNetV2 whole, first training step",
          "AdamW, batch 16, in a new process",
          "3 × a later step + 0.5 s",
        ),
        oursMs: first.wall,
        peerMs: 3 * later.wall + 500,
        oursCpuMs: first.cpu,
        peerCpuMs: allowed,
        ratio: first.cpu / allowed,
        ...judged(first.cpu / allowed, { atMost: 1 }),
      };
    } finally {
      await trainer.dispose();
    }
  },
};

/** A conv net's. */
export const firstStep: Benchmark = {
  name: "conv net, first training step / tf.train.adam",
  seconds: 16,
  run: () =>
    compare(
      {
        row: "conv net, first training step",
        work: "AdamW + FTP, learned lr, in a new process: gradient kernels and the optimizer's are compiled",
        peer: "tf.train.adam, with the same gradient kernels",
        rounds: 5,
      },
      inProcess("AdamW + FTP"),
      inProcess("tf.train.adam"),
    ),
};
