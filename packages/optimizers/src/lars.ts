/**
 * LARS: momentum, with a rate for every tensor in proportion to its size.
 */
import {
  belowOne,
  type Condition,
  type Expr,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  select,
  sum,
} from "@hypergrad/core";

const hyperparameters = {
  lr: nonNegative(1),
  momentum: belowOne(0.9),
  weightDecay: nonNegative(0),
  trust: positive(1e-3),
};

const norm = (x: Expr<"element">): Expr<"tensor"> => sum(x.square(), "tensor").sqrt();

/** `ratio` where both norms are above 0, else 1. */
const whereBoth = (a: Expr<"tensor">, b: Expr<"tensor">, ratio: Expr<"tensor">): Expr<"tensor"> =>
  select(a.mul(b).greater(0) as Condition<"tensor">, ratio, 1);

const larsRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "lars",
  hyperparameters,
  state: { velocity: 0 },
  update({ p, g, velocity, lr, momentum, weightDecay, trust }) {
    const [size, slope] = [norm(p), norm(g)];
    const local = whereBoth(size, slope, trust.mul(size).div(slope.add(size.mul(weightDecay))));
    const v = velocity.mul(momentum).add(g.add(p.mul(weightDecay)).mul(lr.mul(local)));
    return { p: p.sub(v), velocity: v };
  },
});

/** Hyperparameters of `lars`; each is a number, a schedule or learned. */
export interface LarsOptions {
  /** Global learning rate γ ≥ 0; default 1. */
  readonly lr?: Setting;
  /** Momentum m in [0, 1); default 0.9. */
  readonly momentum?: Setting;
  /** Weight decay β ≥ 0, coupled; default 0. */
  readonly weightDecay?: Setting;
  /** Trust coefficient η > 0: the share of its own norm by which a tensor moves; default 0.001. */
  readonly trust?: Setting;
}

/**
 * LARS, with L2 norms over the tensor; λ = 1 where a norm is 0:
 *
 *     λ = η‖w‖/(‖g‖ + β‖w‖);   v ← mv + γλ(g + βw);   w ← w − v
 *
 * You, Gitman & Ginsburg, "Large Batch Training of Convolutional Networks", 2017, arXiv 1708.03888, Algorithm 1.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function lars(options: LarsOptions = {}): Spec {
  return larsRule(options);
}
