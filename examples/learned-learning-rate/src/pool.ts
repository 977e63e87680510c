/** Runs on all cores: a pool of worker threads, each with a backend of its own, because tfjs computes on one core only. */
import { availableParallelism } from "node:os";
import { Piscina } from "piscina";
import type { Trajectory } from "./train.js";
import type { Job } from "./worker.js";

/** Does runs, several at a time. */
export interface Pool {
  /**
   * @param onDone Told of every run that has ended.
   * @returns The results, in the order of the jobs.
   */
  runAll(jobs: readonly Job[], onDone: (job: Job) => void): Promise<Trajectory[]>;
  /** Ends the workers. */
  close(): Promise<void>;
}

/** Starts the workers. */
export function createPool(): Pool {
  const threads = availableParallelism();
  const pool = new Piscina({
    filename: new URL("./worker.js", import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    // One run after the other in every worker: runs share the variables' names and the problems' buffers.
    concurrentTasksPerWorker: 1,
  });
  return {
    runAll: (jobs, onDone) =>
      Promise.all(
        jobs.map(async (job) => {
          const result = (await pool.run(job, { name: "work" })) as Trajectory;
          onDone(job);
          return result;
        }),
      ),
    close: () => pool.destroy(),
  };
}
