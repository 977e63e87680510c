/**
 * `accumulate`: several gradients, one step. See tower/gather.ts for how.
 */
import type { AccumulateSpec, Spec } from "./spec.js";
import { checkSpec } from "./spec.js";

/**
 * An optimizer that takes one step for every `steps` gradients, with their mean: large batches in little memory. As a learner,
 * `learned(1e-3, accumulate(adam(), { steps: 10 }))`, it moves a hyperparameter by the mean of ten hyper-gradients.
 *
 * @param spec The optimizer.
 * @param options `steps`: how many gradients make one step, a whole number ≥ 1.
 * @throws Error for `steps` that is no such number, and for something that is no optimizer.
 */
export function accumulate(spec: Spec, options: { readonly steps: number }): Spec {
  const { steps } = options;
  checkSpec("accumulate", spec);
  if (!Number.isInteger(steps) || steps < 1) {
    throw new Error(`accumulate: steps is ${steps}; expected a whole number ≥ 1.`);
  }
  const accumulated: AccumulateSpec = { kind: "accumulate", steps, spec };
  return Object.freeze(accumulated);
}
