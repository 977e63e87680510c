/**
 * Lion: steps of one size, in the direction of the sign of an average.
 */
import { belowOne, movingAverage, nonNegative, type RuleFactory, rule, type Setting, type Spec } from "@hypergrad/core";

const lionRule: RuleFactory<"lr" | "beta1" | "beta2" | "weightDecay"> = rule({
  name: "lion",
  hyperparameters: { lr: nonNegative(1e-4), beta1: belowOne(0.9), beta2: belowOne(0.99), weightDecay: nonNegative(0) },
  state: { m: 0 },
  update({ p, g, m, lr, beta1, beta2, weightDecay }) {
    const c = movingAverage(m, g, beta1);
    return { p: p.sub(c.sign().add(p.mul(weightDecay)).mul(lr)), m: movingAverage(m, g, beta2) };
  },
});

/** Hyperparameters of `lion`; each is a number, a schedule or learned. Nothing is learned of β₁ and β₂: a sign has no derivative. */
export interface LionOptions {
  /** Learning rate η ≥ 0; default 0.0001. */
  readonly lr?: Setting;
  /** β₁ in [0, 1): how much of the direction is the average's; default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the average, in [0, 1); default 0.99. */
  readonly beta2?: Setting;
  /** Decoupled weight decay λ ≥ 0 (θ − ηλθ); default 0. */
  readonly weightDecay?: Setting;
}

/**
 * Lion:
 *
 *     c = β₁m + (1 − β₁)g;   θ ← θ − η(sign(c) + λθ);   m ← β₂m + (1 − β₂)g
 *
 * Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023, arXiv 2302.06675, Algorithm 2.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function lion(options: LionOptions = {}): Spec {
  return lionRule(options);
}
