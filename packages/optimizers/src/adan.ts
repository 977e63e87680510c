/**
 * Adan: Adam with Nesterov momentum, estimated from differences of gradients.
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
  sub,
} from "@hypergrad/core";

const hyperparameters = {
  lr: nonNegative(1e-3),
  beta1: belowOne(0.98),
  beta2: belowOne(0.92),
  beta3: belowOne(0.99),
  eps: positive(1e-8),
  weightDecay: nonNegative(0),
};

const adanRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "adan",
  hyperparameters,
  state: { m: 0, v: 0, n: 0, previous: 0 },
  update({ p, g, t, previous, lr, beta1, beta2, beta3, eps, weightDecay, ...x }) {
    const difference = select(t.equal(1), 0, g.sub(previous));
    const m = movingAverage(x.m, g, beta1);
    const v = movingAverage(x.v, difference, beta2);
    const n = movingAverage(x.n, g.add(difference.mul(beta2)).square(), beta3);
    const root = n
      .sqrt()
      .div(sub(1, beta3.pow(t)).sqrt())
      .add(eps);
    const direction = m.div(sub(1, beta1.pow(t))).add(v.mul(beta2.div(sub(1, beta2.pow(t)))));
    const moved = p.sub(direction.div(root).mul(lr));
    return { p: moved.div(lr.mul(weightDecay).add(1)), m, v, n, previous: g };
  },
});

/** Hyperparameters of `adan`; each is a number, a schedule or learned. */
export interface AdanOptions {
  /** Learning rate η ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay of the first moment, in [0, 1); default 0.98. */
  readonly beta1?: Setting;
  /** Decay of the differences, in [0, 1); default 0.92. */
  readonly beta2?: Setting;
  /** Decay of the second moment, in [0, 1); default 0.99. */
  readonly beta3?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
  /** Weight decay λ ≥ 0, as a proximal step: divides by 1 + ηλ; default 0. */
  readonly weightDecay?: Setting;
}

/**
 * Adan, with d = g − g₋ (0 in the first step), the betas as decays and all three averages corrected for bias, as the authors' code has them:
 *
 *     m ← β₁m + (1 − β₁)g;   v ← β₂v + (1 − β₂)d;   n ← β₃n + (1 − β₃)(g + β₂d)²;   θ ← (θ − η(m̂ + β₂v̂)/(√n̂ + ε))/(1 + ηλ)
 *
 * Xie, Zhou, Li, Lin & Yan, "Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models", TPAMI 2024, arXiv 2208.06677, Algorithm 1; code sail-sg/Adan.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adan(options: AdanOptions = {}): Spec {
  return adanRule(options);
}
