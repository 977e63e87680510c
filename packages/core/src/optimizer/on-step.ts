/**
 * Telling of a step. It waits for no promise, so there is nobody to whom a rejection could be thrown; unhandled, it would end the process.
 */
import type { HyperOptions, StepInfo } from "./hyper-options.js";

/** Calls `onStep`, if there is one. A promise for every step would stay in memory until the program that takes the steps waits for something. */
export function tell(onStep: HyperOptions["onStep"], info: StepInfo): void {
  const told = onStep?.(info);
  if (typeof (told as PromiseLike<unknown> | undefined)?.then !== "function") return;
  Promise.resolve(told).catch((error: unknown) => {
    console.error(`hyper: onStep was rejected after step ${info.step}. The step itself was taken.`, error);
  });
}
