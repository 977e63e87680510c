/**
 * Adadelta: steps in the units of the parameters.
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

const hyperparameters = { lr: nonNegative(1), rho: belowOne(0.9), eps: positive(1e-6), weightDecay: nonNegative(0) };

const adadeltaRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "adadelta",
  hyperparameters,
  state: { squares: 0, steps: 0 },
  update({ p, g, lr, rho, eps, weightDecay, ...x }) {
    const decayed = g.add(p.mul(weightDecay));
    const squares = movingAverage(x.squares, decayed.square(), rho);
    const step = x.steps.add(eps).sqrt().div(squares.add(eps).sqrt()).mul(decayed);
    return { p: p.sub(step.mul(lr)), squares, steps: movingAverage(x.steps, step.square(), rho) };
  },
});

/** Hyperparameters of `adadelta`; each is a number, a schedule or learned. */
export interface AdadeltaOptions {
  /** A factor α ≥ 0 on the step; default 1, as in the paper. */
  readonly lr?: Setting;
  /** Decay ρ of both mean squares, in [0, 1); default 0.9. */
  readonly rho?: Setting;
  /** ε > 0 inside both roots; default 1e-6. */
  readonly eps?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
}

/**
 * Adadelta:
 *
 *     v ← ρv + (1 − ρ)g²;   Δ = √(u + ε)/√(v + ε) · g;   u ← ρu + (1 − ρ)Δ²;   θ ← θ − αΔ
 *
 * Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, arXiv 1212.5701, Algorithm 1, as torch.optim.Adadelta has it.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adadelta(options: AdadeltaOptions = {}): Spec {
  return adadeltaRule(options);
}
