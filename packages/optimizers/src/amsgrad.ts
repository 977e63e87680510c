/**
 * AMSGrad: Adam that divides by the largest second moment so far, so that the step of an element never grows by forgetting.
 */
import { maximum, nonNegative, type RuleFactory, rule, type Spec, sub } from "@hypergrad/core";
import { type AdamOptions, adamHyperparameters, adamStep, moments } from "./moments.js";

type Name = keyof typeof adamHyperparameters | "weightDecay";

/** With coupled weight decay, as in `adam`. */
export const amsgradRule: RuleFactory<Name> = rule({
  name: "adam (amsgrad)",
  hyperparameters: { ...adamHyperparameters, weightDecay: nonNegative(0) },
  state: { m: 0, v: 0, vMax: 0 },
  update(x) {
    const g = x.g.add(x.p.mul(x.weightDecay));
    const { m, v } = moments(g, x);
    const vMax = maximum(x.vMax, v);
    return { p: x.p.sub(adamStep(m, vMax, x)), m, v, vMax };
  },
});

/** With decoupled weight decay, as in `adamw`. */
export const amsgradwRule: RuleFactory<Name> = rule({
  name: "adamw (amsgrad)",
  hyperparameters: { ...adamHyperparameters, weightDecay: nonNegative(1e-2) },
  state: { m: 0, v: 0, vMax: 0 },
  update(x) {
    const decayed = x.p.mul(sub(1, x.lr.mul(x.weightDecay)));
    const { m, v } = moments(x.g, x);
    const vMax = maximum(x.vMax, v);
    return { p: decayed.sub(adamStep(m, vMax, x)), m, v, vMax };
  },
});

/**
 * AMSGrad:
 *
 *     m and v as Adam's;   v̂ ← max(v̂, v);   θ ← θ − α·m̂/(√(v̂/(1 − β₂ᵗ)) + ε),   m̂ = m/(1 − β₁ᵗ)
 *
 * Reddi, Kale & Kumar, "On the Convergence of Adam and Beyond", ICLR 2018, arXiv 1904.09237, Algorithm 2, with the bias corrections of
 * torch.optim. It is `adam({ amsgrad: true })`; `adamw({ amsgrad: true })` decouples the weight decay.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function amsgrad(options: Omit<AdamOptions, "amsgrad"> = {}): Spec {
  return amsgradRule(options);
}
