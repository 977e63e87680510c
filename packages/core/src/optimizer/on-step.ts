/**
 * Telling of a step. It waits for no promise, so there is nobody to whom a rejection could be thrown; unhandled, it would end the process.
 */
import type { HyperOptions, StepInfo } from "./hyper-options.js";

/** Calls `onStep`, if there is one. */
export function tell(onStep: HyperOptions["onStep"], info: StepInfo): void {
  Promise.resolve(onStep?.(info)).catch((error: unknown) => {
    console.error(`hyper: onStep was rejected after step ${info.step}. The step itself was taken.`, error);
  });
}
