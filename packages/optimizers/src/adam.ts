/**
 * Adam: steps of the gradient's first moment over the root of its second, with or without AMSGrad.
 */
import { maximum, nonNegative, type RuleFactory, rule, type Spec } from "@hypergrad/core";
import { type AdamOptions, adamHyperparameters, adamStep, moments } from "./moments.js";

const hyperparameters = { ...adamHyperparameters, weightDecay: nonNegative(0) };

const adamRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "adam",
  hyperparameters,
  state: { m: 0, v: 0 },
  update(x) {
    const g = x.g.add(x.p.mul(x.weightDecay));
    const { m, v } = moments(g, x);
    return { p: x.p.sub(adamStep(m, v, x)), m, v };
  },
});

const amsgradRule: typeof adamRule = rule({
  name: "adam (amsgrad)",
  hyperparameters,
  state: { m: 0, v: 0, vMax: 0 },
  update(x) {
    const g = x.g.add(x.p.mul(x.weightDecay));
    const { m, v } = moments(g, x);
    const vMax = maximum(x.vMax, v);
    return { p: x.p.sub(adamStep(m, vMax, x)), m, v, vMax };
  },
});

/**
 * Adam:
 *
 *     m ← β₁m + (1 − β₁)g;   v ← β₂v + (1 − β₂)g²;   θ ← θ − α·m̂/(√v̂ + ε),   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ)
 *
 * Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980, Algorithm 1. AMSGrad: Reddi, Kale &
 * Kumar, "On the Convergence of Adam and Beyond", ICLR 2018, arXiv 1904.09237, Algorithm 2, with the bias corrections of torch.optim.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adam({ amsgrad = false, ...settings }: AdamOptions = {}): Spec {
  return (amsgrad ? amsgradRule : adamRule)(settings);
}
