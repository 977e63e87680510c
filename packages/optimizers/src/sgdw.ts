/**
 * SGDW: SGD with momentum whose weight decay is decoupled from the velocity.
 */
import { belowOne, nonNegative, type RuleFactory, rule, type Setting, type Spec, sub } from "@hypergrad/core";

const hyperparameters = { lr: nonNegative(1e-2), momentum: belowOne(0.9), weightDecay: nonNegative(1e-2) };

const sgdwRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "sgdw",
  hyperparameters,
  state: { velocity: 0 },
  update({ p, g, velocity, lr, momentum, weightDecay }) {
    const b = velocity.mul(momentum).add(g);
    return { p: p.mul(sub(1, lr.mul(weightDecay))).sub(b.mul(lr)), velocity: b };
  },
});

/** Hyperparameters of `sgdw`; each is a number, a schedule or learned. */
export interface SgdwOptions {
  /** Learning rate α ≥ 0; default 0.01. */
  readonly lr?: Setting;
  /** Momentum μ in [0, 1); default 0.9. */
  readonly momentum?: Setting;
  /** Decoupled weight decay λ ≥ 0; default 0.01. */
  readonly weightDecay?: Setting;
}

/**
 * SGD with decoupled weight decay:
 *
 *     b ← μb + g;   θ ← (1 − αλ)θ − αb
 *
 * Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, arXiv 1711.05101, Algorithm 1, with the decay scaled by α as AdamW has it in practice.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function sgdw(options: SgdwOptions = {}): Spec {
  return sgdwRule(options);
}
