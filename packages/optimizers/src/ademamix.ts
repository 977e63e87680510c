/**
 * AdEMAMix: Adam with a second, much slower first moment.
 */
import {
  belowOne,
  type Expr,
  minimum,
  movingAverage,
  nonNegative,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  sub,
} from "@hypergrad/core";
import { adamHyperparameters, moments } from "./moments.js";

const hyperparameters = {
  ...adamHyperparameters,
  beta3: belowOne(0.9999),
  alpha: nonNegative(5),
  weightDecay: nonNegative(0),
};

type Scalar = Expr<"tensor">;

/** β₃ at step t of a warm-up: its half-life grows linearly from that of β₁. */
const warmed = (beta1: Scalar, beta3: Scalar, share: Expr<"model">): Scalar =>
  minimum(
    beta1
      .log()
      .mul(beta3.log())
      .div(sub(1, share).mul(beta3.log()).add(share.mul(beta1.log())))
      .exp(),
    beta3,
  );

function ademamixRule(warmup: number): RuleFactory<keyof typeof hyperparameters> {
  return rule({
    name: warmup === 0 ? "ademamix" : "ademamix (warm-up)",
    hyperparameters,
    state: { m: 0, v: 0, slow: 0 },
    update(x) {
      const { p, g, t, lr, beta1, beta2, eps, weightDecay } = x;
      const share = minimum(t.div(warmup), 1);
      const alpha = warmup === 0 ? x.alpha : x.alpha.mul(share);
      const beta3 = warmup === 0 ? x.beta3 : warmed(beta1, x.beta3, share);
      const { m, v } = moments(g, x);
      const slow = movingAverage(x.slow, g, beta3);
      const mixed = m.div(sub(1, beta1.pow(t))).add(slow.mul(alpha));
      const root = v
        .sqrt()
        .div(sub(1, beta2.pow(t)).sqrt())
        .add(eps);
      return { p: p.mul(sub(1, lr.mul(weightDecay))).sub(mixed.div(root).mul(lr)), m, v, slow };
    },
  });
}

/** Hyperparameters of `ademamix`; each of the settings is a number, a schedule or learned. */
export interface AdemamixOptions {
  /** Learning rate η ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the fast first moment, in [0, 1), with a warm-up above 0; default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** Decay β₃ of the slow first moment, in [0, 1); default 0.9999. */
  readonly beta3?: Setting;
  /** Share α ≥ 0 of the slow first moment; default 5. */
  readonly alpha?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
  /** Decoupled weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** Steps over which α rises from 0, and β₃ from β₁; a whole number ≥ 0, default 0. The paper takes the length of the training. */
  readonly warmup?: number;
}

/**
 * AdEMAMix, with moments as in Adam:
 *
 *     s ← β₃s + (1 − β₃)g;   θ ← (1 − ηλ)θ − η(m̂ + αs)/(√v̂ + ε)
 *
 * Pagliardini, Ablin & Grangier, "The AdEMAMix Optimizer: Better, Faster, Older", ICLR 2025, arXiv 2409.03137, Algorithm 1 and the schedulers of section 3.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function ademamix({ warmup = 0, ...settings }: AdemamixOptions = {}): Spec {
  if (!Number.isInteger(warmup) || warmup < 0) {
    throw new Error(`ademamix: warmup is ${warmup}; expected a whole number ≥ 0.`);
  }
  return ademamixRule(warmup)(settings);
}
