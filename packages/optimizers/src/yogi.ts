/**
 * Yogi: Adam whose second moment changes by addition alone.
 */
import {
  type Expr,
  movingAverage,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  slot,
  sub,
} from "@hypergrad/core";
import { adamHyperparameters, adamStep } from "./moments.js";

const hyperparameters = {
  ...adamHyperparameters,
  lr: nonNegative(1e-2),
  eps: positive(1e-3),
  weightDecay: nonNegative(0),
  initialAccumulator: nonNegative(1e-6),
};

const yogiRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "yogi",
  hyperparameters,
  state: { m: 0, v: slot("element", ({ initialAccumulator }) => initialAccumulator as Expr) },
  update(x) {
    const decayed = x.p.mul(sub(1, x.lr.mul(x.weightDecay)));
    const square = x.g.square();
    const m = movingAverage(x.m, x.g, x.beta1);
    const v = x.v.sub(x.v.sub(square).sign().mul(square).mul(sub(1, x.beta2)));
    return { p: decayed.sub(adamStep(m, v, x)), m, v };
  },
});

/** Hyperparameters of `yogi`; each is a number, a schedule or learned. */
export interface YogiOptions {
  /** Learning rate α ≥ 0; default 0.01. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** β₂ in [0, 1): the second moment changes by (1 − β₂)g²; default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root; default 0.001. */
  readonly eps?: Setting;
  /** Decoupled weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** What the second moment starts from, ≥ 0; default 1e-6. It acts at the start alone: learned with a horizon above 1 or not at all. */
  readonly initialAccumulator?: Setting;
}

/**
 * Yogi, with m̂ and v̂ corrected for bias as in Adam:
 *
 *     m ← β₁m + (1 − β₁)g;   v ← v − (1 − β₂)·sign(v − g²)·g²;   θ ← (1 − αλ)θ − α·m̂/(√v̂ + ε)
 *
 * Zaheer, Reddi, Sachan, Kale & Kumar, "Adaptive Methods for Nonconvex Optimization", NeurIPS 2018, Algorithm 2, with the bias corrections and the start that the authors' TensorFlow code has.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function yogi(options: YogiOptions = {}): Spec {
  return yogiRule(options);
}
