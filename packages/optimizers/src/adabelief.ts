/**
 * AdaBelief: Adam that divides by how far gradients are from what was expected.
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
import { adamHyperparameters, adamStep } from "./moments.js";

const hyperparameters = { ...adamHyperparameters, eps: positive(1e-16), weightDecay: nonNegative(0) };

const adabeliefRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "adabelief",
  hyperparameters,
  state: { m: 0, s: 0 },
  update(x) {
    const decayed = x.p.mul(sub(1, x.lr.mul(x.weightDecay)));
    const m = movingAverage(x.m, x.g, x.beta1);
    const s = movingAverage(x.s, x.g.sub(m).square(), x.beta2).add(x.eps);
    return { p: decayed.sub(adamStep(m, s, x)), m, s };
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
  /** ε > 0, added to s in every step and outside the root; default 1e-16. */
  readonly eps?: Setting;
  /** Decoupled weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
}

/**
 * AdaBelief, with bias corrections as in Adam:
 *
 *     m ← β₁m + (1 − β₁)g;   s ← β₂s + (1 − β₂)(g − m)² + ε;   θ ← (1 − αλ)θ − α·m̂/(√ŝ + ε)
 *
 * Zhuang, Tang, Ding, Tatikonda, Dvornek, Papademetris & Duncan, "AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients", NeurIPS 2020, arXiv 2010.07468, Algorithm 2.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adabelief(options: AdabeliefOptions = {}): Spec {
  return adabeliefRule(options);
}
