/**
 * RMSProp: the gradient over the root of its mean square, plain or centered, with or without momentum.
 */
import {
  belowOne,
  type Expr,
  maximum,
  movingAverage,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
} from "@hypergrad/core";

const plainHyperparameters = {
  lr: nonNegative(1e-2),
  alpha: belowOne(0.99),
  eps: positive(1e-8),
  weightDecay: nonNegative(0),
};
const momentumHyperparameters = { ...plainHyperparameters, momentum: belowOne(0.9) };

type Element = Expr<"element">;

/** √v + ε; centered, of the variance v − ḡ², which rounding must not make negative. */
const root = (v: Element, eps: Expr<"tensor">, mean?: Element): Element =>
  (mean ? maximum(v.sub(mean.square()), 0) : v).sqrt().add(eps);

const plain: RuleFactory<keyof typeof plainHyperparameters> = rule({
  name: "rmsprop",
  hyperparameters: plainHyperparameters,
  state: { v: 0 },
  update({ p, g, lr, alpha, eps, weightDecay, ...x }) {
    const decayed = g.add(p.mul(weightDecay));
    const v = movingAverage(x.v, decayed.square(), alpha);
    return { p: p.sub(decayed.div(root(v, eps)).mul(lr)), v };
  },
});

const centeredRule: RuleFactory<keyof typeof plainHyperparameters> = rule({
  name: "rmsprop (centered)",
  hyperparameters: plainHyperparameters,
  state: { v: 0, mean: 0 },
  update({ p, g, lr, alpha, eps, weightDecay, ...x }) {
    const decayed = g.add(p.mul(weightDecay));
    const v = movingAverage(x.v, decayed.square(), alpha);
    const mean = movingAverage(x.mean, decayed, alpha);
    return { p: p.sub(decayed.div(root(v, eps, mean)).mul(lr)), v, mean };
  },
});

const withMomentum: RuleFactory<keyof typeof momentumHyperparameters> = rule({
  name: "rmsprop (momentum)",
  hyperparameters: momentumHyperparameters,
  state: { v: 0, velocity: 0 },
  update({ p, g, lr, alpha, eps, momentum, weightDecay, ...x }) {
    const decayed = g.add(p.mul(weightDecay));
    const v = movingAverage(x.v, decayed.square(), alpha);
    const velocity = x.velocity.mul(momentum).add(decayed.div(root(v, eps)));
    return { p: p.sub(velocity.mul(lr)), v, velocity };
  },
});

const centeredWithMomentum: RuleFactory<keyof typeof momentumHyperparameters> = rule({
  name: "rmsprop (centered, momentum)",
  hyperparameters: momentumHyperparameters,
  state: { v: 0, mean: 0, velocity: 0 },
  update({ p, g, lr, alpha, eps, momentum, weightDecay, ...x }) {
    const decayed = g.add(p.mul(weightDecay));
    const v = movingAverage(x.v, decayed.square(), alpha);
    const mean = movingAverage(x.mean, decayed, alpha);
    const velocity = x.velocity.mul(momentum).add(decayed.div(root(v, eps, mean)));
    return { p: p.sub(velocity.mul(lr)), v, mean, velocity };
  },
});

/** Hyperparameters of `rmsprop`; each of the settings is a number, a schedule or learned. */
export interface RmspropOptions {
  /** Learning rate α ≥ 0; default 0.01. */
  readonly lr?: Setting;
  /** Decay ρ of the mean square, in [0, 1); default 0.99 (tf.train.rmsprop: 0.9). */
  readonly alpha?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
  /** Momentum μ in [0, 1); default 0. The number 0 means no velocity is kept. */
  readonly momentum?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** Divide by the standard deviation instead of the root of the mean square. Default false. */
  readonly centered?: boolean;
}

/**
 * RMSProp:
 *
 *     v ← ρv + (1 − ρ)g²;   b ← μb + g/(√v + ε);   θ ← θ − αb        (centered: √(v − ḡ²) with ḡ ← ρḡ + (1 − ρ)g)
 *
 * Tieleman & Hinton, "Lecture 6.5: RMSProp", Coursera 2012; centered as in Graves, "Generating Sequences With Recurrent Neural Networks", 2013, arXiv 1308.0850, equations 38 to 45; both as
 * torch.optim.RMSprop has them.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function rmsprop({ centered = false, momentum = 0, ...settings }: RmspropOptions = {}): Spec {
  if (momentum === 0) return (centered ? centeredRule : plain)(settings);
  return (centered ? centeredWithMomentum : withMomentum)({ ...settings, momentum });
}
