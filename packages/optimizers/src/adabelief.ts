/**
 * AdaBelief: Adam whose second moment is that of the gradient's deviation from the first.
 */
import {
  movingAverage,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  sub,
} from "@hypergrad/core";
import { adamHyperparameters, corrected } from "./moments.js";

const adabeliefRule: RuleFactory<"lr" | "beta1" | "beta2" | "eps" | "weightDecay"> = rule({
  name: "adabelief",
  // Above 0: where the gradient is what was expected of it, the step would be m/0.
  hyperparameters: { ...adamHyperparameters, eps: positive(1e-16), weightDecay: nonNegative(0) },
  state: { m: 0, s: 0 },
  update(x) {
    const decayed = x.p.mul(sub(1, x.lr.mul(x.weightDecay)));
    const m = movingAverage(x.m, x.g, x.beta1);
    const s = movingAverage(x.s, x.g.sub(m).square(), x.beta2).add(x.eps);
    const mHat = corrected(m, x.beta1, x.t);
    const sHat = corrected(s, x.beta2, x.t);
    return { p: decayed.sub(mHat.div(sHat.sqrt().add(x.eps)).mul(x.lr)), m, s };
  },
});

/** Hyperparameters of `adabelief`; each is a number, a schedule or learned. */
export interface AdabeliefOptions {
  /** Learning rate α ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the squared deviation, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0, added to s at every step and outside the root; default 1e-16, as the official code (the paper: 1e-8). */
  readonly eps?: Setting;
  /** Decoupled weight decay λ ≥ 0 (θ − αλθ); default 0. */
  readonly weightDecay?: Setting;
}

/**
 * AdaBelief:
 *
 *     m ← β₁m + (1 − β₁)g;   s ← β₂s + (1 − β₂)(g − m)² + ε;   θ ← (1 − αλ)θ − α·m̂/(√ŝ + ε),   m̂ = m/(1 − β₁ᵗ),   ŝ = s/(1 − β₂ᵗ)
 *
 * Zhuang, Tang, Ding, Tatikonda, Dvornek, Papademetris & Duncan, "AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed
 * Gradients", NeurIPS 2020, arXiv 2010.07468, Algorithm 2, with the decoupled weight decay of the official code and without its rectification.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adabelief(options: AdabeliefOptions = {}): Spec {
  return adabeliefRule(options);
}
