/**
 * RAdam: Adam that takes steps of the first moment alone until the second can be trusted.
 */
import { div, nonNegative, type RuleFactory, rule, type Setting, type Spec, select, sub } from "@hypergrad/core";
import { adamHyperparameters, corrected, moments } from "./moments.js";

const radamRule: RuleFactory<"lr" | "beta1" | "beta2" | "eps" | "weightDecay"> = rule({
  name: "radam",
  hyperparameters: { ...adamHyperparameters, weightDecay: nonNegative(0) },
  state: { m: 0, v: 0 },
  update(x) {
    const { t, beta1, beta2 } = x;
    const g = x.g.add(x.p.mul(x.weightDecay));
    const { m, v } = moments(g, x);
    const correction = sub(1, beta2.pow(t));
    const rhoMax = div(2, sub(1, beta2)).sub(1);
    const rho = rhoMax.sub(t.mul(2).mul(beta2.pow(t)).div(correction));
    const free = rho.sub(4).mul(rho.sub(2)).div(rho);
    const limit = rhoMax.sub(4).mul(rhoMax.sub(2)).div(rhoMax);
    // The variance is tractable where ρ > 5; below 4 the root has no value, and is not taken.
    const r = free.div(limit).sqrt();
    const scale = select(rho.greater(5), r.mul(correction.sqrt()).div(v.sqrt().add(x.eps)), 1);
    return { p: x.p.sub(corrected(m, beta1, t).mul(scale).mul(x.lr)), m, v };
  },
});

/** Hyperparameters of `radam`; each is a number, a schedule or learned. */
export interface RadamOptions {
  /** Learning rate α ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. At ⅔ and below ρ never exceeds 5: every step is α·m̂. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
}

/**
 * Rectified Adam:
 *
 *     ĝ = g + λθ;   m, v and m̂ as Adam's;   ρ∞ = 2/(1 − β₂) − 1;   ρₜ = ρ∞ − 2tβ₂ᵗ/(1 − β₂ᵗ)
 *     if ρₜ > 5:   r = √((ρₜ − 4)(ρₜ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρₜ));   θ ← θ − α·r·m̂·√(1 − β₂ᵗ)/(√v + ε)
 *     else:        θ ← θ − α·m̂
 *
 * Liu, Jiang, He, Chen, Liu, Gao & Han, "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020, arXiv 1908.03265,
 * Algorithm 2, with the bound 5 and the λ of torch.optim (the paper's bound is 4).
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function radam(options: RadamOptions = {}): Spec {
  return radamRule(options);
}
