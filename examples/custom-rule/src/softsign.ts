/**
 * Softsign momentum: an update rule of one's own. Everything else (learning its hyperparameters, towers, checkpoints, fused kernels) follows from this
 * description.
 */
import { belowOne, movingAverage, nonNegative, positive, type RuleFactory, rule } from "@hypergrad/core";

/** m ← βm + (1 − β)g;   θ ← θ − α·m/(|m| + δ): sign descent where |m| ≫ δ, gradient descent with the rate α/δ where |m| ≪ δ. */
export const softsign: RuleFactory<"lr" | "beta" | "delta"> = rule({
  name: "softsign",
  hyperparameters: { lr: nonNegative(1e-2), beta: belowOne(0.9), delta: positive(1e-2) },
  state: { m: 0 },
  update(x) {
    const m = movingAverage(x.m, x.g, x.beta);
    return { p: x.p.sub(m.div(m.abs().add(x.delta)).mul(x.lr)), m };
  },
});
