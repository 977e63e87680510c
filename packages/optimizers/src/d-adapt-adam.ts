/**
 * D-Adaptation: Adam that estimates its learning rate, from a lower bound d on the distance to the solution.
 */
import {
  maximum,
  minimum,
  movingAverage,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  select,
  slot,
  sub,
  sum,
} from "@hypergrad/core";
import { adamHyperparameters } from "./moments.js";

/** The largest float32: no limit. */
const UNLIMITED = (2 - 2 ** -23) * 2 ** 127;

const hyperparameters = {
  ...adamHyperparameters,
  lr: nonNegative(1),
  weightDecay: nonNegative(0),
  d0: positive(1e-6),
  growthRate: positive(UNLIMITED),
};

const dAdaptAdamRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "dAdaptAdam",
  hyperparameters,
  state: { m: 0, v: 0, s: 0, d: slot("tensor", ({ d0 }) => d0 as never), r: slot("tensor", 0) },
  totals: {
    // The gradient's product with s, in the metric of the step before; then the size of the new s.
    along: ({ g, s, v, d, lr, eps }) => sum(g.mul(s).div(v.sqrt().add(eps)), "tensor").mul(d.mul(lr)),
    size: ({ g, s, d, lr, beta2 }) => sum(movingAverage(s, g.mul(d.mul(lr)), beta2.sqrt()).abs(), "tensor"),
  },
  update({ p, g, m, v, s, d, r, along, size, lr, beta1, beta2, eps, weightDecay, growthRate }) {
    const rate = d.mul(lr);
    const root = beta2.sqrt();
    const newM = movingAverage(m, g.mul(rate), beta1);
    const newV = movingAverage(v, g.square(), beta2);
    const newS = movingAverage(s, g.mul(rate), root);
    const newR = movingAverage(r, along, root);
    const estimate = select(size.greater(0), newR.div(sub(1, root).mul(size)), 0);
    const newD = maximum(d, minimum(estimate, d.mul(growthRate)));
    const decayed = p.mul(sub(1, rate.mul(weightDecay)));
    return { p: decayed.sub(newM.div(newV.sqrt().add(eps))), m: newM, v: newV, s: newS, d: newD, r: newR };
  },
});

/** Hyperparameters of `dAdaptAdam`; each is a number, a schedule or learned. */
export interface DAdaptAdamOptions {
  /** A factor on the estimated rate, ≥ 0: 1 (default), or a schedule that goes down from 1. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
  /** Decoupled weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** The first estimate d₀ > 0, which should be too small; default 1e-6. The estimates begin with it: learned with a horizon above 1, or not at all. */
  readonly d0?: Setting;
  /** By which factor the estimate may grow in one step, > 0; default: without limit. */
  readonly growthRate?: Setting;
}

/**
 * D-Adapt Adam, with ⟨·,·⟩ and ‖·‖₁ over all variables:
 *
 *     r ← √β₂·r + (1 − √β₂)·αd⟨g, s/(√v + ε)⟩;   m ← β₁m + (1 − β₁)αd·g;   v ← β₂v + (1 − β₂)g²;   s ← √β₂·s + (1 − √β₂)αd·g
 *     d ← max(d, r/((1 − √β₂)‖s‖₁));   θ ← (1 − αdλ)θ − m/(√v + ε)
 *
 * Defazio & Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", ICML 2023, arXiv 2301.07733, Algorithm 5, as in the authors' code (facebookresearch/dadaptation 3.1, decoupled decay, no
 * bias correction).
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function dAdaptAdam(options: DAdaptAdamOptions = {}): Spec {
  return dAdaptAdamRule(options);
}
