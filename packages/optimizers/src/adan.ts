/**
 * Adan: Nesterov's momentum from three moments, of the gradient, of its change, and of the square of both together.
 */
import {
  belowOne,
  movingAverage,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  select,
} from "@hypergrad/core";
import { corrected } from "./moments.js";

const adanRule: RuleFactory<"lr" | "beta1" | "beta2" | "beta3" | "eps" | "weightDecay"> = rule({
  name: "adan",
  hyperparameters: {
    lr: nonNegative(1e-3),
    beta1: belowOne(0.98),
    beta2: belowOne(0.92),
    beta3: belowOne(0.99),
    // Above 0: where all gradients so far were 0, the step would be 0/0.
    eps: positive(1e-8),
    weightDecay: nonNegative(0),
  },
  state: { m: 0, v: 0, n: 0, last: 0 },
  update(x) {
    const { g, t, beta1, beta2, beta3 } = x;
    // There is no change at the first step.
    const change = select(t.equal(1), 0, g.sub(x.last));
    const m = movingAverage(x.m, g, beta1);
    const v = movingAverage(x.v, change, beta2);
    const n = movingAverage(x.n, g.add(change.mul(beta2)).square(), beta3);
    const step = corrected(m, beta1, t)
      .add(corrected(v, beta2, t).mul(beta2))
      .div(corrected(n, beta3, t).sqrt().add(x.eps));
    return { p: x.p.sub(step.mul(x.lr)).div(x.lr.mul(x.weightDecay).add(1)), m, v, n, last: g };
  },
});

/** Hyperparameters of `adan`; each is a number, a schedule or learned. */
export interface AdanOptions {
  /** Learning rate η ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the gradient's average, in [0, 1); default 0.98. */
  readonly beta1?: Setting;
  /** Decay β₂ of the change's average, and the change's weight, in [0, 1); default 0.92. */
  readonly beta2?: Setting;
  /** Decay β₃ of the square, in [0, 1); default 0.99. */
  readonly beta3?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
  /** Proximal weight decay λ ≥ 0 (θ/(1 + ηλ)); default 0. */
  readonly weightDecay?: Setting;
}

/**
 * Adan, with d = g − g₋₁ (0 at the first step):
 *
 *     m ← β₁m + (1 − β₁)g;   v ← β₂v + (1 − β₂)d;   n ← β₃n + (1 − β₃)(g + β₂d)²
 *     θ ← (θ − η·(m̂ + β₂v̂)/(√n̂ + ε))/(1 + ηλ),   each average divided by 1 − βᵗ
 *
 * Xie, Zhou, Li, Lin & Yan, "Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models", TPAMI 2024, arXiv 2208.06677,
 * Algorithm 1, as the official code (sail-sg/Adan) has it: its β are decays, one minus those of the paper, and averages are corrected for
 * their start at 0.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adan(options: AdanOptions = {}): Spec {
  return adanRule(options);
}
