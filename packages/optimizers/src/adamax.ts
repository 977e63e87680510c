/**
 * Adamax: Adam with the largest gradient so far, which decays, in the place of the second moment.
 */
import {
  maximum,
  movingAverage,
  nonNegative,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  sub,
} from "@hypergrad/core";
import { adamHyperparameters } from "./moments.js";

const hyperparameters = { ...adamHyperparameters, lr: nonNegative(2e-3), weightDecay: nonNegative(0) };

const adamaxRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "adamax",
  hyperparameters,
  state: { m: 0, u: 0 },
  update({ p, g, t, lr, beta1, beta2, eps, weightDecay, ...x }) {
    const decayed = g.add(p.mul(weightDecay));
    const m = movingAverage(x.m, decayed, beta1);
    const u = maximum(x.u.mul(beta2), decayed.abs().add(eps));
    return { p: p.sub(m.div(u).mul(lr.div(sub(1, beta1.pow(t))))), m, u };
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
 * Adamax:
 *
 *     m ← β₁m + (1 − β₁)g;   u ← max(β₂u, |g| + ε);   θ ← θ − α/(1 − β₁ᵗ) · m/u
 *
 * Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980, Algorithm 2, with ε as torch.optim.Adamax has it.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adamax(options: AdamaxOptions = {}): Spec {
  return adamaxRule(options);
}
