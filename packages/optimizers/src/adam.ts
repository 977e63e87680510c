/**
 * Adam: steps of the gradient's first moment over the root of its second, with or without AMSGrad.
 */
import { nonNegative, type RuleFactory, rule, type Spec } from "@hypergrad/core";
import { amsgradRule } from "./amsgrad.js";
import { type AdamOptions, adamHyperparameters, adamStep, moments } from "./moments.js";

const adamRule: RuleFactory<keyof typeof adamHyperparameters | "weightDecay"> = rule({
  name: "adam",
  hyperparameters: { ...adamHyperparameters, weightDecay: nonNegative(0) },
  state: { m: 0, v: 0 },
  update(x) {
    const g = x.g.add(x.p.mul(x.weightDecay));
    const { m, v } = moments(g, x);
    return { p: x.p.sub(adamStep(m, v, x)), m, v };
  },
});

/**
 * Adam:
 *
 *     m ← β₁m + (1 − β₁)g;   v ← β₂v + (1 − β₂)g²;   θ ← θ − α·m̂/(√v̂ + ε),   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ)
 *
 * Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980, Algorithm 1. With
 * `amsgrad` it is `amsgrad`.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adam({ amsgrad = false, ...settings }: AdamOptions = {}): Spec {
  return (amsgrad ? amsgradRule : adamRule)(settings);
}
