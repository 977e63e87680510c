/**
 * RAdam: Adam whose first steps are rectified.
 */
import {
  div,
  maximum,
  nonNegative,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  select,
  sub,
} from "@hypergrad/core";
import { adamHyperparameters, moments } from "./moments.js";

const hyperparameters = { ...adamHyperparameters, weightDecay: nonNegative(0) };

const radamRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "radam",
  hyperparameters,
  state: { m: 0, v: 0 },
  update(x) {
    const { p, t, lr, beta1, beta2, eps, weightDecay } = x;
    const g = x.g.add(p.mul(weightDecay));
    const { m, v } = moments(g, x);
    const mHat = m.div(sub(1, beta1.pow(t)));
    const correction = sub(1, beta2.pow(t));
    const longest = div(2, sub(1, beta2)).sub(1);
    const length = longest.sub(t.mul(2).mul(beta2.pow(t)).div(correction));
    // What is known of the variance; of no use, and kept off the root of a negative number, while the average is short.
    const known = length.sub(4).mul(length.sub(2)).mul(longest);
    const all = longest.sub(4).mul(longest.sub(2)).mul(length);
    const rectification = maximum(known.div(all), 0).sqrt();
    const adaptive = correction.sqrt().div(v.sqrt().add(eps)).mul(rectification);
    return { p: p.sub(mHat.mul(lr).mul(select(length.greater(5), adaptive, 1))), m, v };
  },
});

/** Hyperparameters of `radam`; each is a number, a schedule or learned. */
export interface RadamOptions {
  /** Learning rate α ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0, added to √v before the bias correction; default 1e-8. */
  readonly eps?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
}

/**
 * RAdam, with moments as in Adam, ρ_∞ = 2/(1 − β₂) − 1 and ρ_t = ρ_∞ − 2tβ₂ᵗ/(1 − β₂ᵗ):
 *
 *     θ ← θ − α·m̂·r_t·√(1 − β₂ᵗ)/(√v + ε) where ρ_t > 5, else θ ← θ − α·m̂;   r_t² = (ρ_t − 4)(ρ_t − 2)ρ_∞ / ((ρ_∞ − 4)(ρ_∞ − 2)ρ_t)
 *
 * Liu, Jiang, He, Chen, Liu, Gao & Han, "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020, arXiv 1908.03265, Algorithm 2, with the threshold 5 and ε of torch.optim.RAdam.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function radam(options: RadamOptions = {}): Spec {
  return radamRule(options);
}
