/**
 * Yogi: Adam whose second moment moves towards the squared gradient by an amount that does not depend on how far away it is.
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
import { adamHyperparameters } from "./moments.js";

const yogiRule: RuleFactory<"lr" | "beta1" | "beta2" | "eps" | "initialAccumulator"> = rule({
  name: "yogi",
  hyperparameters: {
    ...adamHyperparameters,
    lr: nonNegative(1e-2),
    eps: positive(1e-3),
    initialAccumulator: nonNegative(1e-6),
  },
  state: { m: 0, v: slot("element", ({ initialAccumulator }) => initialAccumulator as Expr) },
  update(x) {
    const square = x.g.square();
    const m = movingAverage(x.m, x.g, x.beta1);
    const v = x.v.sub(x.v.sub(square).sign().mul(square).mul(sub(1, x.beta2)));
    return { p: x.p.sub(m.div(v.sqrt().add(x.eps)).mul(x.lr)), m, v };
  },
});

/** Hyperparameters of `yogi`; each but the accumulator's start is a number, a schedule or learned. */
export interface YogiOptions {
  /** Learning rate η ≥ 0; default 0.01. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** β₂ in [0, 1): the second moment moves by (1 − β₂)g²; default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root; default 0.001. */
  readonly eps?: Setting;
  /** What the second moment starts at, a number ≥ 0; default 1e-6. It acts at the start alone: learned with a horizon above 1, or not at all. */
  readonly initialAccumulator?: Setting;
}

/**
 * Yogi:
 *
 *     m ← β₁m + (1 − β₁)g;   v ← v − (1 − β₂)·sign(v − g²)·g²;   θ ← θ − η·m/(√v + ε)
 *
 * Zaheer, Reddi, Sachan, Kale & Kumar, "Adaptive Methods for Nonconvex Optimization", NeurIPS 2018, Algorithm 2: no bias correction.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function yogi(options: YogiOptions = {}): Spec {
  return yogiRule(options);
}
