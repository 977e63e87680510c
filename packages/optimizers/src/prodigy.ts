/**
 * Prodigy: Adam that estimates its learning rate, faster than D-Adaptation does.
 */
import {
  type Expr,
  maximum,
  minimum,
  movingAverage,
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
import { type EstimateOptions, estimateHyperparameters } from "./estimates.js";

const hyperparameters = { ...estimateHyperparameters, dCoefficient: positive(1) };

const prodigyRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "prodigy",
  hyperparameters,
  state: {
    m: 0,
    v: 0,
    s: 0,
    start: slot("element", ({ p }) => p as Expr),
    d: slot("tensor", ({ d0 }) => d0 as Expr),
    dMax: slot("tensor", ({ d0 }) => d0 as Expr),
    r: slot("tensor", 0),
  },
  totals: {
    along: ({ p, g, start, d, lr, d0 }) => sum(g.mul(start.sub(p)), "tensor").mul(d.div(d0).mul(d.mul(lr))),
    size: ({ g, s, d, lr, beta2, d0 }) =>
      sum(
        s
          .mul(beta2.sqrt())
          .add(g.mul(d.div(d0).mul(d.mul(lr))))
          .abs(),
        "tensor",
      ),
  },
  update(x) {
    const { p, g, m, v, s, start, d, dMax, r, along, size } = x;
    const { lr, beta1, beta2, eps, weightDecay, d0, dCoefficient, growthRate } = x;
    const rate = d.mul(lr);
    const newM = movingAverage(m, g.mul(d), beta1);
    const newV = movingAverage(v, g.mul(d).square(), beta2);
    const newS = s.mul(beta2.sqrt()).add(g.mul(d.div(d0).mul(rate)));
    const newR = r.mul(beta2.sqrt()).add(along);
    // Where all gradients so far were 0 there is no estimate.
    const some = size.greater(0);
    const estimate = select(some, dCoefficient.mul(newR).div(size), 0);
    const largest = maximum(dMax, estimate);
    // The first estimates count in full; later ones may grow by the growth rate.
    const from = select(d.equal(d0), maximum(d, estimate), d);
    const newD = select(some, minimum(largest, from.mul(growthRate)), d);
    const decayed = p.mul(sub(1, rate.mul(weightDecay)));
    const step = newM.div(newV.sqrt().add(newD.mul(eps))).mul(rate);
    return { p: decayed.sub(step), m: newM, v: newV, s: newS, start, d: newD, dMax: largest, r: newR };
  },
});

/** Hyperparameters of `prodigy`; each is a number, a schedule or learned. */
export interface ProdigyOptions extends EstimateOptions {
  /** A factor on every estimate, > 0; default 1. */
  readonly dCoefficient?: Setting;
}

/**
 * Prodigy, with ⟨·,·⟩ and ‖·‖₁ over all variables, and θ₁ the parameters at the first step:
 *
 *     r ← √β₂·r + (d/d₀)·αd⟨g, θ₁ − θ⟩;   s ← √β₂·s + (d/d₀)·αd·g;   m ← β₁m + (1 − β₁)d·g;   v ← β₂v + (1 − β₂)d²g²
 *     d′ = max(d, r/‖s‖₁);   θ ← (1 − αdλ)θ − αd·m/(√v + d′ε)
 *
 * Mishchenko & Defazio, "Prodigy: An Expeditiously Adaptive Parameter-Free Learner", ICML 2024, arXiv 2306.06101, Algorithm 4, as in the authors' code (konstmish/prodigy, decoupled decay, no bias
 * correction, no safeguard).
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function prodigy(options: ProdigyOptions = {}): Spec {
  return prodigyRule(options);
}
