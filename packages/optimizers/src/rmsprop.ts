/**
 * RMSprop: steps of the gradient over the root of its second moment, or of its variance (centered), with or without momentum.
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

const hyperparameters = {
  lr: nonNegative(1e-2),
  decay: belowOne(0.99),
  // Above 0: where all gradients so far were 0, the step would be 0/0.
  eps: positive(1e-8),
  weightDecay: nonNegative(0),
};
const withMomentum = { ...hyperparameters, momentum: belowOne(0.9) };

type Element = Expr<"element">;

/** ĝ = g + λθ. */
const decayed = ({ p, g, weightDecay }: { p: Element; g: Element; weightDecay: Expr<"tensor"> }): Element =>
  g.add(p.mul(weightDecay));

/** v − ḡ²; never below 0, where rounding can take it. */
const variance = (v: Element, average: Element): Element => maximum(v.sub(average.square()), 0);

type Name = keyof typeof hyperparameters;

const plain: RuleFactory<Name> = rule({
  name: "rmsprop",
  hyperparameters,
  state: { v: 0 },
  update(x) {
    const g = decayed(x);
    const v = movingAverage(x.v, g.square(), x.decay);
    return { p: x.p.sub(g.div(v.sqrt().add(x.eps)).mul(x.lr)), v };
  },
});

const plainWithMomentum: RuleFactory<Name | "momentum"> = rule({
  name: "rmsprop (momentum)",
  hyperparameters: withMomentum,
  state: { v: 0, velocity: 0 },
  update(x) {
    const g = decayed(x);
    const v = movingAverage(x.v, g.square(), x.decay);
    const velocity = x.velocity.mul(x.momentum).add(g.div(v.sqrt().add(x.eps)));
    return { p: x.p.sub(velocity.mul(x.lr)), v, velocity };
  },
});

const centeredRule: RuleFactory<Name> = rule({
  name: "rmsprop (centered)",
  hyperparameters,
  state: { v: 0, average: 0 },
  update(x) {
    const g = decayed(x);
    const v = movingAverage(x.v, g.square(), x.decay);
    const average = movingAverage(x.average, g, x.decay);
    return { p: x.p.sub(g.div(variance(v, average).sqrt().add(x.eps)).mul(x.lr)), v, average };
  },
});

const centeredWithMomentum: RuleFactory<Name | "momentum"> = rule({
  name: "rmsprop (centered, momentum)",
  hyperparameters: withMomentum,
  state: { v: 0, average: 0, velocity: 0 },
  update(x) {
    const g = decayed(x);
    const v = movingAverage(x.v, g.square(), x.decay);
    const average = movingAverage(x.average, g, x.decay);
    const velocity = x.velocity.mul(x.momentum).add(g.div(variance(v, average).sqrt().add(x.eps)));
    return { p: x.p.sub(velocity.mul(x.lr)), v, average, velocity };
  },
});

/** Hyperparameters of `rmsprop`; each is a number, a schedule or learned. */
export interface RmspropOptions {
  /** Learning rate α ≥ 0; default 0.01. */
  readonly lr?: Setting;
  /** Decay ρ of the second moment (and of the average, where centered), in [0, 1); default 0.99. torch calls it alpha. */
  readonly decay?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
  /** Momentum μ in [0, 1); default 0. The number 0 means that no velocity is kept. */
  readonly momentum?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** Divide by the root of the variance instead of the second moment. Default false. */
  readonly centered?: boolean;
}

/**
 * RMSprop:
 *
 *     ĝ = g + λθ;   v ← ρv + (1 − ρ)ĝ²;   θ ← θ − α·ĝ/(√v + ε)
 *
 * Centered: ḡ ← ρḡ + (1 − ρ)ĝ, and √(v − ḡ²) in the place of √v. With momentum: b ← μb + ĝ/(√v + ε); θ ← θ − αb.
 *
 * Tieleman & Hinton, "Lecture 6.5: RMSprop", COURSERA: Neural Networks for Machine Learning, 2012. Centered: Graves, "Generating Sequences
 * With Recurrent Neural Networks", 2013, arXiv 1308.0850, equations 38 to 45. As torch.optim has it.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function rmsprop({ centered = false, momentum = 0, ...settings }: RmspropOptions = {}): Spec {
  if (momentum === 0) return (centered ? centeredRule : plain)(settings);
  return (centered ? centeredWithMomentum : plainWithMomentum)({ ...settings, momentum });
}
