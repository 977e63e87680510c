/**
 * AdaGrad: steps of the gradient over the root of the sum of its squares.
 */
import {
  div,
  type Expr,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  slot,
} from "@hypergrad/core";

const adagradRule: RuleFactory<"lr" | "lrDecay" | "eps" | "weightDecay" | "initialAccumulator"> = rule({
  name: "adagrad",
  hyperparameters: {
    lr: nonNegative(1e-2),
    lrDecay: nonNegative(0),
    // Above 0: where all gradients so far were 0, the step would be 0/0.
    eps: positive(1e-10),
    weightDecay: nonNegative(0),
    initialAccumulator: nonNegative(0),
  },
  state: { total: slot("element", ({ initialAccumulator }) => initialAccumulator as Expr) },
  update(x) {
    const g = x.g.add(x.p.mul(x.weightDecay));
    const total = x.total.add(g.square());
    const lr = x.lr.mul(div(1, x.t.sub(1).mul(x.lrDecay).add(1)));
    return { p: x.p.sub(g.div(total.sqrt().add(x.eps)).mul(lr)), total };
  },
});

/** Hyperparameters of `adagrad`; each but the accumulator's start is a number, a schedule or learned. */
export interface AdagradOptions {
  /** Learning rate α ≥ 0; default 0.01. */
  readonly lr?: Setting;
  /** Decay η ≥ 0 of the learning rate: α/(1 + (t − 1)η); default 0. */
  readonly lrDecay?: Setting;
  /** ε > 0 outside the root; default 1e-10. */
  readonly eps?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** What the sum of squares starts at, a number ≥ 0; default 0. It acts at the start alone: learned with a horizon above 1, or not at all. */
  readonly initialAccumulator?: Setting;
}

/**
 * AdaGrad:
 *
 *     ĝ = g + λθ;   G ← G + ĝ²;   θ ← θ − α/(1 + (t − 1)η) · ĝ/(√G + ε)
 *
 * Duchi, Hazan & Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", JMLR 12, 2011, Figure 1 with
 * diagonal matrices, as torch.optim has it.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adagrad(options: AdagradOptions = {}): Spec {
  return adagradRule(options);
}
