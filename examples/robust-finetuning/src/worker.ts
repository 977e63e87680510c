/** A worker of the pool: has a backend of its own, and does one run at a time. */
import type { MessagePort } from "node:worker_threads";
import "@hypergrad/wasm"; // on WASM: fused optimizer steps, and kernels that train
import { type BackendName, useBackend } from "@hypergrad/core";
import { type RunOptions, type RunResult, run } from "./train.js";

/** What the pool sends: a run, the backend it is for, and where to report the steps taken. */
export interface Job {
  readonly options: RunOptions;
  readonly backend: BackendName;
  readonly port: MessagePort;
}

let ready: Promise<unknown> | undefined;

/** Does one run. */
export async function work({ options, backend, port }: Job): Promise<RunResult> {
  ready ??= useBackend(backend);
  await ready;
  try {
    return await run(options, (step) => port.postMessage(step));
  } finally {
    port.close();
  }
}
