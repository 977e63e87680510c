/**
 * Hypergradient descent: learning rates that follow their own gradient, as plugins for any rule.
 *
 * The two published updates are two learners. Additive: α ← α − κd, which is SGD on the hyper-gradient d. Multiplicative: α ← α(1 − κ·cos), SGD in
 * relative steps on the cosine of the angle between gradient and sensitivity.
 *
 * Baydin, Cornish, Martínez Rubio, Schmidt & Wood, "Online Learning Rate Adaptation with Hypergradient Descent", ICLR 2018, arXiv 1703.04782.
 */
import {
  type Learned,
  type LearnedOptions,
  learned,
  nonNegative,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  sub,
} from "@hypergrad/core";
import { l2 } from "./l2.js";
import { adamHyperparameters, moments } from "./moments.js";
import { sgd } from "./sgd.js";

/** SGD in relative steps: θ ← θ(1 − αg). A learner for positive numbers whose gradient has no units. */
export const relativeSgd: RuleFactory<"lr"> = rule({
  name: "relativeSgd",
  hyperparameters: { lr: nonNegative(1e-2) },
  state: {},
  update: ({ p, g, lr }) => ({ p: p.mul(sub(1, g.mul(lr))) }),
});

/**
 * A learned learning rate, additive: α ← α + κ⟨g, u⟩ with u the direction of the step before (Baydin et al. 2018, equation 6).
 *
 * @param init α at the start.
 * @param rate κ ≥ 0, in units of α² per unit of loss: a number, a schedule or learned.
 * @param options As of `learned`: `per` tensor, channel or element, a `clip`, a `horizon`, …
 */
export function additive(init: number, rate: Setting, options: LearnedOptions = {}): Learned {
  return learned(init, sgd({ lr: rate }), options);
}

/**
 * A learned learning rate, multiplicative: α ← α(1 + κ·⟨g, u⟩/(‖g‖‖u‖)) with u the direction of the step before (Baydin et al. 2018, equation 8). A step changes it by the share κ at
 * most.
 *
 * @param init α > 0 at the start.
 * @param rate κ in [0, 1): a number, a schedule or learned.
 * @param options As of `learned`; `normalise` is true.
 */
export function multiplicative(init: number, rate: Setting, options: LearnedOptions = {}): Learned {
  return learned(init, relativeSgd({ lr: rate }), { ...options, normalise: true });
}

/** What the named optimizers of hypergradient descent share. */
interface HypergradientOptions {
  /** The learning rate α ≥ 0 at the start. */
  readonly lr?: number;
  /** κ ≥ 0, the learning rate of the learning rate. */
  readonly hyperLr?: Setting;
  /** L2 penalty λ ≥ 0, as part of the loss: in the step and in the hyper-gradient; default 0. */
  readonly weightDecay?: Setting;
}

/** Options of `sgdHd`. */
export interface SgdHdOptions extends HypergradientOptions {
  /** Momentum μ in [0, 1); default 0. */
  readonly momentum?: Setting;
  /** Dampening of the gradient that enters the velocity; default 0. */
  readonly dampening?: Setting;
  /** Look ahead along the velocity; needs momentum. Default false. */
  readonly nesterov?: boolean;
}

/** Options of `adamHd`. */
export interface AdamHdOptions extends HypergradientOptions {
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0, added to √v before the bias correction; default 1e-8. */
  readonly eps?: Setting;
}

const penalised = (weightDecay: Setting, spec: Spec): Spec => (weightDecay === 0 ? spec : l2({ weightDecay })(spec));

/**
 * SGD-HD: SGD, with momentum if it is given, whose learning rate is learned additively, one for the model (Baydin et al. 2018, Algorithm 4; with Nesterov momentum Algorithm 5).
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function sgdHd({ lr = 1e-2, hyperLr = 1e-6, weightDecay = 0, ...settings }: SgdHdOptions = {}): Spec {
  return penalised(weightDecay, sgd({ ...settings, lr: additive(lr, hyperLr) }));
}

/** Adam in the order of the paper's section 2: ε is added before the bias correction. */
const adamEarlyEps: RuleFactory<keyof typeof adamHyperparameters> = rule({
  name: "adam (early eps)",
  hyperparameters: adamHyperparameters,
  state: { m: 0, v: 0 },
  update(x) {
    const { p, g, t, lr, beta1, beta2, eps } = x;
    const { m, v } = moments(g, x);
    const corrected = sub(1, beta2.pow(t))
      .sqrt()
      .div(sub(1, beta1.pow(t)));
    return { p: p.sub(m.div(v.sqrt().add(eps)).mul(lr.mul(corrected))), m, v };
  },
});

/**
 * Adam-HD: Adam whose learning rate is learned additively, one for the model (Baydin et al. 2018, Algorithm 6).
 *
 * The authors' code (gbaydin/hypergradient-descent) moves the rate once for every tensor, within the step and in their order, so that later tensors take other steps than earlier ones. Here it moves
 * once per step, by the sum of all tensors' hyper-gradients, as the paper has it; for one tensor the two are the same.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adamHd({ lr = 1e-3, hyperLr = 1e-8, weightDecay = 0, ...settings }: AdamHdOptions = {}): Spec {
  return penalised(weightDecay, adamEarlyEps({ ...settings, lr: additive(lr, hyperLr) }));
}
