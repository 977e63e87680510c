/**
 * Lion: the sign of a momentum.
 */
import {
  belowOne,
  movingAverage,
  nonNegative,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  sub,
} from "@hypergrad/core";

const hyperparameters = {
  lr: nonNegative(1e-4),
  beta1: belowOne(0.9),
  beta2: belowOne(0.99),
  weightDecay: nonNegative(0),
};

const lionRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "lion",
  hyperparameters,
  state: { m: 0 },
  update({ p, g, m, lr, beta1, beta2, weightDecay }) {
    const direction = movingAverage(m, g, beta1).sign();
    return { p: p.mul(sub(1, lr.mul(weightDecay))).sub(direction.mul(lr)), m: movingAverage(m, g, beta2) };
  },
});

/** Hyperparameters of `lion`; each is a number, a schedule or learned. */
export interface LionOptions {
  /** Learning rate η ≥ 0, a tenth of AdamW's or less; default 1e-4. */
  readonly lr?: Setting;
  /** β₁ in [0, 1): what the sign is taken of; default 0.9. Its hyper-gradient is 0: a sign has no derivative. */
  readonly beta1?: Setting;
  /** Decay β₂ of the momentum, in [0, 1); default 0.99. Its hyper-gradient is 0 as well. */
  readonly beta2?: Setting;
  /** Decoupled weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
}

/**
 * Lion:
 *
 *     θ ← (1 − ηλ)θ − η·sign(β₁m + (1 − β₁)g);   m ← β₂m + (1 − β₂)g
 *
 * Chen, Liang, Huang, Real, Wang, Liu, Pham, Dong, Luong, Hsieh, Lu & Le, "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023, arXiv 2302.06675, Algorithm 2.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function lion(options: LionOptions = {}): Spec {
  return lionRule(options);
}
