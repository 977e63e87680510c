/**
 * Adagrad: the gradient over the root of the sum of all its squares.
 */
import {
  type Expr,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  slot,
} from "@hypergrad/core";

const hyperparameters = {
  lr: nonNegative(1e-2),
  lrDecay: nonNegative(0),
  eps: positive(1e-10),
  weightDecay: nonNegative(0),
  initialAccumulator: nonNegative(0),
};

const adagradRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "adagrad",
  hyperparameters,
  state: { squares: slot("element", ({ initialAccumulator }) => initialAccumulator as Expr) },
  update({ p, g, t, lr, lrDecay, eps, weightDecay, ...x }) {
    const decayed = g.add(p.mul(weightDecay));
    const squares = x.squares.add(decayed.square());
    const rate = lr.div(t.sub(1).mul(lrDecay).add(1));
    return { p: p.sub(decayed.div(squares.sqrt().add(eps)).mul(rate)), squares };
  },
});

/** Hyperparameters of `adagrad`; each is a number, a schedule or learned. */
export interface AdagradOptions {
  /** Learning rate α ≥ 0; default 0.01. */
  readonly lr?: Setting;
  /** Decay of the learning rate, ≥ 0: α/(1 + (t − 1)·lrDecay); default 0. */
  readonly lrDecay?: Setting;
  /** ε > 0 outside the root; default 1e-10. */
  readonly eps?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** What the sum of squares starts from, ≥ 0; default 0 (tf.train.adagrad: 0.1). It acts at the start alone: learned with a horizon above 1 or not at all. */
  readonly initialAccumulator?: Setting;
}

/**
 * Adagrad:
 *
 *     G ← G + g²;   θ ← θ − α/(1 + (t − 1)η) · g/(√G + ε)
 *
 * Duchi, Hazan & Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", JMLR 12, 2011, Figure 1 (diagonal), as torch.optim.Adagrad has it.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adagrad(options: AdagradOptions = {}): Spec {
  return adagradRule(options);
}
