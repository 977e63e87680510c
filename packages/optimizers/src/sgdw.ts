/**
 * SGDW: SGD with momentum whose weight decay is decoupled from the gradient and from the rate.
 */
import { belowOne, nonNegative, type RuleFactory, rule, type Setting, type Spec } from "@hypergrad/core";

const sgdwRule: RuleFactory<"lr" | "momentum" | "weightDecay" | "multiplier"> = rule({
  name: "sgdw",
  hyperparameters: {
    lr: nonNegative(1e-2),
    momentum: belowOne(0.9),
    weightDecay: nonNegative(1e-4),
    multiplier: nonNegative(1),
  },
  state: { m: 0 },
  update(x) {
    const m = x.m.mul(x.momentum).add(x.g.mul(x.multiplier.mul(x.lr)));
    return { p: x.p.sub(m).sub(x.p.mul(x.multiplier.mul(x.weightDecay))), m };
  },
});

/** Hyperparameters of `sgdw`; each is a number, a schedule or learned. */
export interface SgdwOptions {
  /** Learning rate α ≥ 0; default 0.01. */
  readonly lr?: Setting;
  /** Momentum β₁ in [0, 1); default 0.9. */
  readonly momentum?: Setting;
  /** Weight decay λ ≥ 0, the share of θ that a step takes away (α is no part of it); default 0.0001. */
  readonly weightDecay?: Setting;
  /** Schedule multiplier η ≥ 0 of both α and λ; default 1. */
  readonly multiplier?: Setting;
}

/**
 * SGD with decoupled weight decay:
 *
 *     m ← β₁m + ηαg;   θ ← θ − m − ηλθ
 *
 * Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, arXiv 1711.05101, Algorithm 1.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function sgdw(options: SgdwOptions = {}): Spec {
  return sgdwRule(options);
}
