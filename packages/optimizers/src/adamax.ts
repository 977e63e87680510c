/**
 * AdaMax: Adam with the largest recent gradient in the place of the second moment's root.
 */
import { maximum, movingAverage, nonNegative, type RuleFactory, rule, type Setting, type Spec } from "@hypergrad/core";
import { adamHyperparameters, corrected } from "./moments.js";

const adamaxRule: RuleFactory<"lr" | "beta1" | "beta2" | "eps" | "weightDecay"> = rule({
  name: "adamax",
  hyperparameters: { ...adamHyperparameters, lr: nonNegative(2e-3), weightDecay: nonNegative(0) },
  state: { m: 0, u: 0 },
  update(x) {
    const g = x.g.add(x.p.mul(x.weightDecay));
    const m = movingAverage(x.m, g, x.beta1);
    const u = maximum(x.u.mul(x.beta2), g.abs().add(x.eps));
    return { p: x.p.sub(corrected(m, x.beta1, x.t).div(u).mul(x.lr)), m, u };
  },
});

/** Hyperparameters of `adamax`; each is a number, a schedule or learned. */
export interface AdamaxOptions {
  /** Learning rate α ≥ 0; default 0.002. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the largest gradient, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0, added to |g|; default 1e-8. */
  readonly eps?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
}

/**
 * AdaMax:
 *
 *     ĝ = g + λθ;   m ← β₁m + (1 − β₁)ĝ;   u ← max(β₂u, |ĝ| + ε);   θ ← θ − α/(1 − β₁ᵗ)·m/u
 *
 * Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980, Algorithm 2, with the ε and λ of torch.optim.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adamax(options: AdamaxOptions = {}): Spec {
  return adamaxRule(options);
}
