/** Runs on all cores: a pool of worker threads, each with a backend of its own, whose kernels run on its one thread: so a core has one run, and none waits for another. */
import { availableParallelism } from "node:os";
import { MessageChannel } from "node:worker_threads";
import type { BackendName } from "@hypergrad/core";
import { Piscina } from "piscina";
import type { RunOptions, RunResult } from "./train.js";

/** How many of so many runs are done at a time. A GPU is one device for all; workers would only wait for each other. */
export const runsAtATime = (backend: BackendName, runs: number): number =>
  backend === "wasm" || backend === "cpu" ? Math.min(availableParallelism(), runs) : 1;

/**
 * Does runs, several at a time.
 *
 * @param backend The backend of every worker.
 * @param onProgress Told how many steps have been taken in all runs together, and by which run last.
 * @returns The results, in the order of the runs.
 */
export async function runAll(
  runs: readonly RunOptions[],
  backend: BackendName,
  onProgress: (steps: number, run: RunOptions) => void,
): Promise<RunResult[]> {
  const threads = runsAtATime(backend, runs.length);
  const pool = new Piscina({
    filename: new URL("./worker.js", import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    // One run after the other in every worker: a second one in its event loop would spoil the timings of the first.
    concurrentTasksPerWorker: 1,
  });
  let taken = 0;
  try {
    return await Promise.all(
      runs.map((options) => {
        const { port1, port2 } = new MessageChannel();
        port1.on("message", () => onProgress(++taken, options));
        return pool.run(
          { options, backend, port: port2 },
          { name: "work", transferList: [port2] },
        ) as Promise<RunResult>;
      }),
    );
  } finally {
    await pool.destroy();
  }
}
