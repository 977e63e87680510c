/**
 * What Adam and its kin share: the two moments of the gradient, their bias correction, and the step that they make.
 */
import {
  belowOne,
  type Expr,
  type Hyperparameter,
  movingAverage,
  nonNegative,
  positive,
  type Setting,
  sub,
} from "@hypergrad/core";

/** Hyperparameters of the moments and the step, with the defaults of the paper. */
export const adamHyperparameters: Readonly<Record<"lr" | "beta1" | "beta2" | "eps", Hyperparameter>> = {
  lr: nonNegative(1e-3),
  beta1: belowOne(0.9),
  beta2: belowOne(0.999),
  // Above 0: where all gradients so far were 0, the step would be 0/0.
  eps: positive(1e-8),
};

type Element = Expr<"element">;
type Rates = Readonly<Record<keyof typeof adamHyperparameters, Expr<"tensor">>>;

/** m ← β₁m + (1 − β₁)g and v ← β₂v + (1 − β₂)g². */
export function moments(
  g: Element,
  { m, v, beta1, beta2 }: Rates & { m: Element; v: Element },
): { m: Element; v: Element } {
  return { m: movingAverage(m, g, beta1), v: movingAverage(v, g.square(), beta2) };
}

/** m/(1 − βᵗ): a moving average that began at 0, made up for that. */
export function corrected(m: Element, beta: Expr<"tensor">, t: Expr<"model">): Element {
  return m.div(sub(1, beta.pow(t)));
}

/** α·m̂/(√v̂ + ε), with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ). */
export function adamStep(m: Element, v: Element, { t, lr, beta1, beta2, eps }: Rates & { t: Expr<"model"> }): Element {
  const root = v.sqrt().div(sub(1, beta2.pow(t)).sqrt());
  return m.div(root.add(eps)).mul(lr.div(sub(1, beta1.pow(t))));
}

/** Hyperparameters of `adam` and `adamw`; each is a number, a schedule or learned. */
export interface AdamOptions {
  /** Learning rate α ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root; default 1e-8 (tf.train.adam: 1e-7). */
  readonly eps?: Setting;
  /** Weight decay λ ≥ 0: coupled (g + λθ) in `adam`, where the default is 0; decoupled (θ − αλθ) in `adamw`, where it is 0.01. */
  readonly weightDecay?: Setting;
  /** Divide by the largest second moment so far instead of the present one. Default false. */
  readonly amsgrad?: boolean;
}
