/** On how many cores the study computes, and how: what its line on the backend says of it. */
import type { BackendName } from "@hypergrad/core";
import { multiplyAdd, threads } from "@hypergrad/wasm";
import { runsAtATime } from "./pool.js";

/** What runs of a study compute with, in words; for a GPU, nothing. */
export function computing(backend: BackendName, runs: number): string {
  const atATime = runsAtATime(backend, runs);
  const several = `${atATime} ${atATime === 1 ? "run" : "runs"} at a time`;
  if (backend !== "wasm") return backend === "cpu" ? `${several}, each on one thread` : several;
  const { count, reason } = threads();
  return [
    `${several}, each on one thread`,
    `the seconds of a step are those of ${count === 1 ? `one thread (${reason})` : `${count} threads`}`,
    `multiply-add in ${multiplyAdd() ? "one rounding" : "two roundings (this engine has no relaxed SIMD)"}`,
  ].join("; ");
}
