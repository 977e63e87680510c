/**
 * Adadelta: the gradient in units of the parameter, by the roots of two running averages.
 */
import {
  belowOne,
  movingAverage,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
} from "@hypergrad/core";

const adadeltaRule: RuleFactory<"lr" | "rho" | "eps" | "weightDecay"> = rule({
  name: "adadelta",
  hyperparameters: {
    lr: nonNegative(1),
    rho: belowOne(0.9),
    // Above 0: the first step is made of it alone.
    eps: positive(1e-6),
    weightDecay: nonNegative(0),
  },
  state: { v: 0, u: 0 },
  update(x) {
    const g = x.g.add(x.p.mul(x.weightDecay));
    const v = movingAverage(x.v, g.square(), x.rho);
    const delta = x.u.add(x.eps).sqrt().div(v.add(x.eps).sqrt()).mul(g);
    const u = movingAverage(x.u, delta.square(), x.rho);
    return { p: x.p.sub(delta.mul(x.lr)), v, u };
  },
});

/** Hyperparameters of `adadelta`; each is a number, a schedule or learned. */
export interface AdadeltaOptions {
  /** Factor α ≥ 0 on the step; default 1, as in the paper, which has none. */
  readonly lr?: Setting;
  /** Decay ρ of both averages, in [0, 1); default 0.9. */
  readonly rho?: Setting;
  /** ε > 0 inside both roots; default 1e-6. */
  readonly eps?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
}

/**
 * Adadelta:
 *
 *     ĝ = g + λθ;   v ← ρv + (1 − ρ)ĝ²;   Δ = √(u + ε)/√(v + ε)·ĝ;   u ← ρu + (1 − ρ)Δ²;   θ ← θ − αΔ
 *
 * Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, arXiv 1212.5701, Algorithm 1, with the α and λ of torch.optim.
 *
 * `tf.train.adadelta` divides by the v from before this gradient, so that its first step is αg itself, and later ones follow a jump of the gradient unchecked;
 * its defaults are α = 0.001, ρ = 0.95 and ε = 1e-7. What was tuned there does not carry over: `fromTf(tf.train.adadelta(…))` goes on with it.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adadelta(options: AdadeltaOptions = {}): Spec {
  return adadeltaRule(options);
}
