/**
 * LAMB: Adam's direction, for every tensor stretched to the norm of the weights.
 */
import { nonNegative, positive, type RuleFactory, rule, type Setting, type Spec } from "@hypergrad/core";
import { adamHyperparameters, corrected, moments } from "./moments.js";
import { norm, trust } from "./trust.js";

const lambRule: RuleFactory<"lr" | "beta1" | "beta2" | "eps" | "weightDecay"> = rule({
  name: "lamb",
  hyperparameters: { ...adamHyperparameters, eps: positive(1e-6), weightDecay: nonNegative(0) },
  state: { m: 0, v: 0 },
  update(x) {
    const { m, v } = moments(x.g, x);
    const r = corrected(m, x.beta1, x.t).div(corrected(v, x.beta2, x.t).sqrt().add(x.eps));
    const u = r.add(x.p.mul(x.weightDecay));
    const [a, b] = [norm(x.p), norm(u)];
    return { p: x.p.sub(u.mul(x.lr.mul(trust(a.div(b), a, b)))), m, v };
  },
});

/** Hyperparameters of `lamb`; each is a number, a schedule or learned, all but the rate per tensor or coarser. */
export interface LambOptions {
  /** Learning rate η ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root; default 1e-6. */
  readonly eps?: Setting;
  /** Weight decay λ ≥ 0, inside the direction that is stretched; default 0. */
  readonly weightDecay?: Setting;
}

/**
 * LAMB:
 *
 *     m̂ and v̂ as Adam's;   u = m̂/(√v̂ + ε) + λθ;   θ ← θ − η·‖θ‖/‖u‖·u   (the ratio is 1 where ‖θ‖ or ‖u‖ is 0)
 *
 * with the L2 norms of the whole tensor. You, Li, Reddi, Hseu, Kumar, Bhojanapalli, Song, Demmel, Keutzer & Hsieh, "Large Batch Optimization
 * for Deep Learning: Training BERT in 76 minutes", ICLR 2020, arXiv 1904.00962, Algorithm 2 with φ(z) = z.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function lamb(options: LambOptions = {}): Spec {
  return lambRule(options);
}
