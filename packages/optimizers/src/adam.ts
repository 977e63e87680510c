/**
 * Adam and AdamW, with or without AMSGrad.
 */
import {
  belowOne,
  type Expr,
  maximum,
  movingAverage,
  nonNegative,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  sub,
} from "@hypergrad/core";

const hyperparameters = {
  lr: nonNegative(1e-3),
  beta1: belowOne(0.9),
  beta2: belowOne(0.999),
  eps: nonNegative(1e-8),
};

/** Adam's step α·m̂/(√v̂ + ε), with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ). */
function step(
  m: Expr<"element">,
  v: Expr<"element">,
  { t, lr, beta1, beta2, eps }: { t: Expr<"model"> } & Record<keyof typeof hyperparameters, Expr<"tensor">>,
): Expr<"element"> {
  const root = v.sqrt().div(sub(1, beta2.pow(t)).sqrt());
  return m.div(root.add(eps)).mul(lr.div(sub(1, beta1.pow(t))));
}

const adamRule: RuleFactory<"lr" | "beta1" | "beta2" | "eps" | "weightDecay"> = rule({
  name: "adam",
  hyperparameters: { ...hyperparameters, weightDecay: nonNegative(0) },
  state: { m: 0, v: 0 },
  update(x) {
    const g = x.g.add(x.p.mul(x.weightDecay));
    const m = movingAverage(x.m, g, x.beta1);
    const v = movingAverage(x.v, g.square(), x.beta2);
    return { p: x.p.sub(step(m, v, x)), m, v };
  },
});

const adamAmsgradRule: typeof adamRule = rule({
  name: "adam (amsgrad)",
  hyperparameters: { ...hyperparameters, weightDecay: nonNegative(0) },
  state: { m: 0, v: 0, vMax: 0 },
  update(x) {
    const g = x.g.add(x.p.mul(x.weightDecay));
    const m = movingAverage(x.m, g, x.beta1);
    const v = movingAverage(x.v, g.square(), x.beta2);
    const vMax = maximum(x.vMax, v);
    return { p: x.p.sub(step(m, vMax, x)), m, v, vMax };
  },
});

const adamwRule: typeof adamRule = rule({
  name: "adamw",
  hyperparameters: { ...hyperparameters, weightDecay: nonNegative(1e-2) },
  state: { m: 0, v: 0 },
  update(x) {
    const decayed = x.p.mul(sub(1, x.lr.mul(x.weightDecay)));
    const m = movingAverage(x.m, x.g, x.beta1);
    const v = movingAverage(x.v, x.g.square(), x.beta2);
    return { p: decayed.sub(step(m, v, x)), m, v };
  },
});

const adamwAmsgradRule: typeof adamRule = rule({
  name: "adamw (amsgrad)",
  hyperparameters: { ...hyperparameters, weightDecay: nonNegative(1e-2) },
  state: { m: 0, v: 0, vMax: 0 },
  update(x) {
    const decayed = x.p.mul(sub(1, x.lr.mul(x.weightDecay)));
    const m = movingAverage(x.m, x.g, x.beta1);
    const v = movingAverage(x.v, x.g.square(), x.beta2);
    const vMax = maximum(x.vMax, v);
    return { p: decayed.sub(step(m, vMax, x)), m, v, vMax };
  },
});

/** Hyperparameters of `adam` and `adamw`; each is a number, a schedule or learned. */
export interface AdamOptions {
  /** Learning rate α ≥ 0; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε ≥ 0 outside the root; default 1e-8 (tf.train.adam: 1e-7). */
  readonly eps?: Setting;
  /** Weight decay λ ≥ 0: coupled (g + λθ) in `adam`, where the default is 0; decoupled (θ − αλθ) in `adamw`, where it is 0.01. */
  readonly weightDecay?: Setting;
  /** Divide by the largest second moment so far instead of the present one. Default false. */
  readonly amsgrad?: boolean;
}

/**
 * Adam:
 *
 *     m ← β₁m + (1 − β₁)g;   v ← β₂v + (1 − β₂)g²;   θ ← θ − α·m̂/(√v̂ + ε),   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ)
 *
 * Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980, Algorithm 1. AMSGrad: Reddi, Kale &
 * Kumar, "On the Convergence of Adam and Beyond", ICLR 2018, arXiv 1904.09237, Algorithm 2, with the bias corrections of torch.optim.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adam({ amsgrad = false, ...settings }: AdamOptions = {}): Spec {
  return (amsgrad ? adamAmsgradRule : adamRule)(settings);
}

/**
 * AdamW: Adam with decoupled weight decay, θ ← (1 − αλ)θ − α·m̂/(√v̂ + ε).
 *
 * Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, arXiv 1711.05101, Algorithm 2 (with the schedule multiplier
 * inside α, as in torch.optim.AdamW).
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adamw({ amsgrad = false, ...settings }: AdamOptions = {}): Spec {
  return (amsgrad ? adamwAmsgradRule : adamwRule)(settings);
}
