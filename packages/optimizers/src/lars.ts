/**
 * LARS: SGD with momentum whose rate, for every tensor, is in proportion to the norm of the weights over that of the gradient.
 */
import { belowOne, nonNegative, type RuleFactory, rule, type Setting, type Spec } from "@hypergrad/core";
import { norm, trust } from "./trust.js";

const larsRule: RuleFactory<"lr" | "momentum" | "weightDecay" | "trustCoefficient"> = rule({
  name: "lars",
  hyperparameters: {
    lr: nonNegative(0.1),
    momentum: belowOne(0.9),
    weightDecay: nonNegative(0),
    trustCoefficient: nonNegative(1e-3),
  },
  state: { velocity: 0 },
  update({ p, g, velocity, lr, momentum, weightDecay, trustCoefficient }) {
    const [w, d] = [norm(p), norm(g)];
    const rate = trust(trustCoefficient.mul(w).div(d.add(weightDecay.mul(w))), w, d);
    const v = velocity.mul(momentum).add(g.add(p.mul(weightDecay)).mul(lr.mul(rate)));
    return { p: p.sub(v), velocity: v };
  },
});

/** Hyperparameters of `lars`; each is a number, a schedule or learned. */
export interface LarsOptions {
  /** Global learning rate γ ≥ 0; default 0.1. */
  readonly lr?: Setting;
  /** Momentum m in [0, 1); default 0.9. */
  readonly momentum?: Setting;
  /** Weight decay β ≥ 0, inside the velocity and the local rate; default 0. */
  readonly weightDecay?: Setting;
  /** Trust coefficient η ≥ 0; default 0.001. */
  readonly trustCoefficient?: Setting;
}

/**
 * Layer-wise adaptive rate scaling:
 *
 *     λ = η‖θ‖/(‖g‖ + β‖θ‖)   (1 where ‖θ‖ or ‖g‖ is 0);   v ← mv + γλ(g + βθ);   θ ← θ − v
 *
 * with the L2 norms of the whole tensor. You, Gitman & Ginsburg, "Large Batch Training of Convolutional Networks", 2017, arXiv 1708.03888,
 * Algorithm 1.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function lars(options: LarsOptions = {}): Spec {
  return larsRule(options);
}
