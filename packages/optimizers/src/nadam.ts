/**
 * NAdam: Adam with Nesterov's momentum, whose strength grows over the first steps.
 */
import {
  isLearned,
  nonNegative,
  pow,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  slot,
  sub,
} from "@hypergrad/core";
import { adamHyperparameters, corrected, moments } from "./moments.js";

/** @param grain That of the product of all μ: one number, unless β₁ or ψ is learned at a finer grain. To the compiler it is the finest. */
function ruleWithProduct(
  grain: "tensor" | "element",
): RuleFactory<"lr" | "beta1" | "beta2" | "eps" | "weightDecay" | "momentumDecay"> {
  return rule({
    name: "nadam",
    hyperparameters: {
      ...adamHyperparameters,
      lr: nonNegative(2e-3),
      weightDecay: nonNegative(0),
      momentumDecay: nonNegative(4e-3),
    },
    state: { m: 0, v: 0, product: slot(grain as "element", 1) },
    update(x) {
      const g = x.g.add(x.p.mul(x.weightDecay));
      const { m, v } = moments(g, x);
      const mu = x.beta1.mul(sub(1, pow(0.96, x.t.mul(x.momentumDecay)).mul(0.5)));
      const muNext = x.beta1.mul(sub(1, pow(0.96, x.t.add(1).mul(x.momentumDecay)).mul(0.5)));
      const product = x.product.mul(mu);
      const mHat = m.mul(muNext.div(sub(1, product.mul(muNext)))).add(g.mul(sub(1, mu).div(sub(1, product))));
      const root = corrected(v, x.beta2, x.t).sqrt();
      return { p: x.p.sub(mHat.div(root.add(x.eps)).mul(x.lr)), m, v, product };
    },
  });
}

const perTensor = ruleWithProduct("tensor");
const perElement = ruleWithProduct("element");

/** True for what is learned at a grain finer than a tensor. */
const fine = (setting: Setting | undefined): boolean =>
  isLearned(setting) && (setting.per === "channel" || setting.per === "element");

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
  /** ψ ≥ 0: how fast the momentum grows from β₁/2 to β₁; default 0.004. */
  readonly momentumDecay?: Setting;
}

/**
 * NAdam:
 *
 *     ĝ = g + λθ;   m, v and v̂ as Adam's;   μₜ = β₁(1 − ½·0.96^(tψ))
 *     m̂ = μₜ₊₁·m/(1 − Π_{i≤t+1} μᵢ) + (1 − μₜ)·ĝ/(1 − Π_{i≤t} μᵢ);   θ ← θ − α·m̂/(√v̂ + ε)
 *
 * Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop, 2016, Algorithm 2, with the momentum schedule of torch.optim.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function nadam(options: NadamOptions = {}): Spec {
  return (fine(options.beta1) || fine(options.momentumDecay) ? perElement : perTensor)(options);
}
