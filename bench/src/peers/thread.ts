/** A peer's thread as a contender. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Contender } from "../measure.js";
import type { Work } from "./worker.js";

/**
 * Starts the peer; `loss` is that of its first step.
 *
 * @param times How often it does its work in a turn.
 */
export async function peer(work: Work, times: number): Promise<Contender & { readonly loss: number }> {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: work });
  const answer = async (): Promise<number> => (await once(worker, "message"))[0] as number;
  const loss = await answer();
  return {
    loss,
    async time() {
      worker.postMessage(times);
      return await answer();
    },
    async dispose() {
      await worker.terminate();
    },
  };
}
