/** A worker of the pool: has a backend of its own, and does one run at a time. */
import "@tensorflow/tfjs";
import "@hypergrad/wasm"; // fused optimizer steps
import { useBackend } from "@hypergrad/core";
import { type Method, specOf } from "./methods.js";
import { PROBLEMS, type ProblemName } from "./problems/index.js";
import type { Problem } from "./problems/problem.js";
import { type TrainOptions, type Trajectory, train } from "./train.js";

/** One run. */
export interface Job extends TrainOptions {
  readonly problem: ProblemName;
  readonly method: Method;
}

let ready: Promise<unknown> | undefined;
const drawn = new Map<string, Problem>();

/** Does one run. A problem that was drawn once is kept: drawing takes as long as some runs. */
export async function work({ problem, method, ...options }: Job): Promise<Trajectory> {
  ready ??= useBackend("wasm");
  await ready;
  const key = `${problem}/${options.seed}`;
  const known = drawn.get(key) ?? PROBLEMS[problem].draw(options.seed);
  drawn.set(key, known);
  return train(known, specOf(method, options.steps), options);
}
