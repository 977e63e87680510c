/**
 * The way in: a spec becomes an optimizer.
 */
import type { Spec } from "../rule/spec.js";
import { HyperOptimizer } from "./hyper-optimizer.js";
import type { HyperOptions } from "./hyper-options.js";
import { warnOfIdle } from "./idle.js";

/**
 * Brings a spec to life as a tf.Optimizer.
 *
 * ```ts
 * import { hyper, learned } from "@hypergrad/core";
 * import { adam, adamw } from "@hypergrad/optimizers";
 * import * as tf from "@tensorflow/tfjs";
 *
 * const slope = tf.variable(tf.scalar(1), true, "slope");
 * const optimizer = hyper(adamw({ lr: learned(1e-3, adam({ lr: 0.02 }), { in: "log" }) }));
 * for (let step = 0; step < 3; step++) optimizer.minimize(() => tf.square(tf.sub(slope, 3)).asScalar());
 * console.log(await optimizer.hyperparameters()); // { slope: { lr: 0.00104, beta1: 0.9, …, "lr.lr": 0.02, … } }
 * ```
 *
 * A learned hyperparameter that nothing can move, as the parameter never depends on it within its horizon, is told of by console.warn.
 *
 * It is a tf.Optimizer, so `model.compile({ optimizer, loss })` takes it as well.
 *
 * @param spec What `adamw`, `ftp`, … return.
 * @param options How it is run.
 * @throws Error for an unknown option, and where a learned hyperparameter's grain cannot be differentiated.
 */
export function hyper(spec: Spec, options: HyperOptions = {}): HyperOptimizer {
  const optimizer = new HyperOptimizer(spec, options);
  warnOfIdle(spec);
  return optimizer;
}
