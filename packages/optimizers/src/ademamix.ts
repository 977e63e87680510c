/**
 * AdEMAMix: Adam with a second, much slower average of the gradient added to the first.
 */
import {
  belowOne,
  div,
  type Expr,
  minimum,
  movingAverage,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  sub,
} from "@hypergrad/core";
import { adamHyperparameters, corrected } from "./moments.js";

const hyperparameters = {
  ...adamHyperparameters,
  beta3: belowOne(0.9999),
  alpha: nonNegative(5),
  weightDecay: nonNegative(0),
};
type Name = keyof typeof hyperparameters;
type Slot = "m1" | "m2" | "v";

/** One step with α and β₃ as they are at this step. */
function step(
  x: Readonly<Record<"p" | "g" | Slot, Expr<"element">> & Record<Name, Expr<"tensor">> & { t: Expr<"model"> }>,
  alpha: Expr<"tensor">,
  beta3: Expr<"tensor">,
): Record<"p" | Slot, Expr<"element">> {
  const decayed = x.p.mul(sub(1, x.lr.mul(x.weightDecay)));
  const m1 = movingAverage(x.m1, x.g, x.beta1);
  const m2 = movingAverage(x.m2, x.g, beta3);
  const v = movingAverage(x.v, x.g.square(), x.beta2);
  const mixed = corrected(m1, x.beta1, x.t).add(m2.mul(alpha));
  return { p: decayed.sub(mixed.div(corrected(v, x.beta2, x.t).sqrt().add(x.eps)).mul(x.lr)), m1, m2, v };
}

const plain: RuleFactory<Name> = rule({
  name: "ademamix",
  hyperparameters,
  state: { m1: 0, m2: 0, v: 0 },
  update: (x) => step(x, x.alpha, x.beta3),
});

const warmedUp: RuleFactory<Name | "warmup"> = rule({
  name: "ademamix (warm-up)",
  hyperparameters: { ...hyperparameters, warmup: positive(1) },
  state: { m1: 0, m2: 0, v: 0 },
  update(x) {
    const s = minimum(1, x.t.div(x.warmup));
    const inverseLog = sub(1, s).div(x.beta1.log()).add(s.div(x.beta3.log()));
    return step(x, x.alpha.mul(s), div(1, inverseLog).exp());
  },
});

/** Hyperparameters of `ademamix`; each is a number, a schedule or learned. */
export interface AdemamixOptions {
  /** Learning rate η ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the fast average, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** Decay β₃ of the slow average, in [0, 1); default 0.9999. */
  readonly beta3?: Setting;
  /** Weight α ≥ 0 of the slow average; default 5, from the paper's range of 4 to 10 (the authors' code: 2). */
  readonly alpha?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
  /** Decoupled weight decay λ ≥ 0 (θ − ηλθ); default 0. */
  readonly weightDecay?: Setting;
  /** Steps T > 0 over which α grows from 0, and β₃ from β₁; default: none, both are what they are from the start. */
  readonly warmup?: Setting;
}

/**
 * AdEMAMix:
 *
 *     m₁ ← β₁m₁ + (1 − β₁)g;   m₂ ← β₃m₂ + (1 − β₃)g;   v ← β₂v + (1 − β₂)g²
 *     θ ← (1 − ηλ)θ − η·(m̂₁ + αm₂)/(√v̂ + ε),   m̂₁ = m₁/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ)
 *
 * With a warm-up, s = min(1, t/T):   α(t) = sα;   1/ln β₃(t) = (1 − s)/ln β₁ + s/ln β₃.
 *
 * Pagliardini, Ablin & Grangier, "The AdEMAMix Optimizer: Better, Faster, Older", ICLR 2025, arXiv 2409.03137, Algorithm 1, with one T for
 * both schedulers.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function ademamix({ warmup, ...settings }: AdemamixOptions = {}): Spec {
  return warmup === undefined ? plain(settings) : warmedUp({ ...settings, warmup });
}
