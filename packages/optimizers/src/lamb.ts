/**
 * LAMB: Adam, with a rate for every tensor in proportion to its size.
 */
import {
  type Condition,
  type Expr,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  select,
  sub,
  sum,
} from "@hypergrad/core";
import { adamHyperparameters, moments } from "./moments.js";

const hyperparameters = { ...adamHyperparameters, eps: positive(1e-6), weightDecay: nonNegative(1e-2) };

const norm = (x: Expr<"element">): Expr<"tensor"> => sum(x.square(), "tensor").sqrt();

const lambRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "lamb",
  hyperparameters,
  state: { m: 0, v: 0 },
  update(x) {
    const { p, g, t, lr, beta1, beta2, eps, weightDecay } = x;
    const { m, v } = moments(g, x);
    const root = v
      .sqrt()
      .div(sub(1, beta2.pow(t)).sqrt())
      .add(eps);
    const r = m
      .div(sub(1, beta1.pow(t)))
      .div(root)
      .add(p.mul(weightDecay));
    const [size, length] = [norm(p), norm(r)];
    const trust = select(size.mul(length).greater(0) as Condition<"tensor">, size.div(length), 1);
    return { p: p.sub(r.mul(lr.mul(trust))), m, v };
  },
});

/** Hyperparameters of `lamb`; each is a number, a schedule or learned. */
export interface LambOptions {
  /** Learning rate η ≥ 0: the share of its own norm by which a tensor moves; default 0.001. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root; default 1e-6. */
  readonly eps?: Setting;
  /** Weight decay λ ≥ 0, part of the direction; default 0.01. */
  readonly weightDecay?: Setting;
}

/**
 * LAMB, with moments as in Adam, φ(z) = z and L2 norms over the tensor; the ratio is 1 where a norm is 0:
 *
 *     r = m̂/(√v̂ + ε) + λx;   x ← x − η·(‖x‖/‖r‖)·r
 *
 * You, Li, Reddi, Hseu, Kumar, Bhojanapalli, Song, Demmel, Keutzer & Hsieh, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", ICLR 2020, arXiv 1904.00962,
 * Algorithm 2.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function lamb(options: LambOptions = {}): Spec {
  return lambRule(options);
}
