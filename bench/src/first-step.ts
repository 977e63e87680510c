/**
 * The first step, in which everything is compiled: of ours and of the peer in turns, each time in a process of its own.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Benchmark, type Contender, compare } from "./measure.js";

const program = fileURLToPath(new URL("./peers/first-step.js", import.meta.url));

const inProcess = (optimizer: string): Contender => ({
  async time() {
    const { stdout } = await promisify(execFile)(process.execPath, [program, optimizer]);
    return (JSON.parse(stdout) as { step: number }).step;
  },
  dispose() {},
});

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
