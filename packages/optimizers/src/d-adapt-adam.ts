/**
 * D-Adaptation: Adam that estimates its learning rate, from a lower bound d on the distance to the solution.
 */
import {
  type Expr,
  maximum,
  minimum,
  movingAverage,
  type RuleFactory,
  rule,
  type Spec,
  select,
  slot,
  sub,
  sum,
} from "@hypergrad/core";
import { type EstimateOptions, estimateHyperparameters } from "./estimates.js";

const dAdaptAdamRule: RuleFactory<keyof typeof estimateHyperparameters> = rule({
  name: "dAdaptAdam",
  hyperparameters: estimateHyperparameters,
  state: { m: 0, v: 0, s: 0, d: slot("tensor", ({ d0 }) => d0 as Expr), r: slot("tensor", 0) },
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
export function dAdaptAdam(options: EstimateOptions = {}): Spec {
  return dAdaptAdamRule(options);
}
