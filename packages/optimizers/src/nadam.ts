/**
 * NAdam: Adam with Nesterov momentum.
 */
import {
  type Expr,
  nonNegative,
  pow,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  slot,
  sub,
} from "@hypergrad/core";
import { adamHyperparameters, moments } from "./moments.js";

const hyperparameters = {
  ...adamHyperparameters,
  lr: nonNegative(2e-3),
  weightDecay: nonNegative(0),
  momentumDecay: nonNegative(4e-3),
};

/** μ_t = β₁(1 − ½·0.96^(tψ)). */
const momentumAt = (t: Expr<"model">, beta1: Expr<"tensor">, decay: Expr<"tensor">): Expr<"tensor"> =>
  beta1.mul(sub(1, pow(0.96, t.mul(decay)).mul(0.5)));

const nadamRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "nadam",
  hyperparameters,
  state: { m: 0, v: 0, product: slot("tensor", 1) },
  update(x) {
    const { p, t, lr, beta1, beta2, eps, weightDecay, momentumDecay } = x;
    const g = x.g.add(p.mul(weightDecay));
    const { m, v } = moments(g, x);
    const [now, next] = [momentumAt(t, beta1, momentumDecay), momentumAt(t.add(1), beta1, momentumDecay)];
    const product = x.product.mul(now);
    const fresh = g.mul(sub(1, now).div(sub(1, product)));
    const ahead = m.mul(next.div(sub(1, product.mul(next))));
    const root = v
      .sqrt()
      .div(sub(1, beta2.pow(t)).sqrt())
      .add(eps);
    return { p: p.sub(fresh.add(ahead).div(root).mul(lr)), m, v, product };
  },
});

/** Hyperparameters of `nadam`; each is a number, a schedule or learned. */
export interface NadamOptions {
  /** Learning rate α ≥ 0; default 0.002. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** ψ ≥ 0: how fast the momentum rises from β₁/2 to β₁; default 0.004. */
  readonly momentumDecay?: Setting;
}

/**
 * NAdam, with μ_t = β₁(1 − ½·0.96^(tψ)) and moments as in Adam:
 *
 *     θ ← θ − α·((1 − μ_t)/(1 − Πμ)·g + μ_{t+1}/(1 − μ_{t+1}Πμ)·m)/(√v̂ + ε),   Πμ = μ₁⋯μ_t
 *
 * Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop, Algorithm 2, as torch.optim.NAdam has it since version 2.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function nadam(options: NadamOptions = {}): Spec {
  return nadamRule(options);
}
