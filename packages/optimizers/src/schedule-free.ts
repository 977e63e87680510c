/**
 * Schedule-free learning: averaging in the place of a schedule.
 *
 * The gradient is taken at y, between the average x and the sequence z that moves; the parameters of the model are y while it trains.
 * `optimizer.swap()` puts x in their place for evaluation.
 */
import {
  belowOne,
  type Expr,
  type Hyperparameter,
  maximum,
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
  unitInterval,
} from "@hypergrad/core";

const averaging: Readonly<Record<"weightDecay" | "r" | "power", Hyperparameter>> = {
  weightDecay: nonNegative(0),
  r: nonNegative(0),
  power: nonNegative(2),
};

const averagingState = {
  z: slot("element", ({ p }) => p as Expr),
  largestRate: slot("tensor", 0),
  weights: slot("tensor", 0),
};

type Element = Expr<"element">;
type Scalar = Expr<"tensor">;
interface Averaging {
  readonly p: Element;
  readonly z: Element;
  readonly t: Expr<"model">;
  readonly largestRate: Scalar;
  readonly weights: Scalar;
  readonly lr: Scalar;
  readonly r: Scalar;
  readonly power: Scalar;
}

/** z takes a step, x moves towards it by its share c of the weights, and y between the two, without x being kept. */
function averagedStep(direction: Element, beta: Scalar, { p: y, z, t, largestRate, weights, lr, r, power }: Averaging) {
  const largest = maximum(largestRate, lr);
  const weight = t.pow(r).mul(largest.pow(power));
  const sum = weights.add(weight);
  // A rate that starts at 0 gives no weight.
  const c = select(sum.greater(0), weight.div(sum), 0);
  const forward = beta.mul(sub(1, c)).sub(1);
  const p = y.add(z.sub(y).mul(c)).add(direction.mul(lr.mul(forward)));
  return { p, z: z.sub(direction.mul(lr)), largestRate: largest, weights: sum };
}

/** x, from y = (1 − β)z + βx. */
const average = (y: Element, z: Element, beta: Scalar): Expr =>
  select(beta.greater(0), y.add(z.sub(y).mul(beta.sub(1).div(beta))), z);

const sgdHyperparameters = { lr: nonNegative(1), beta: unitInterval(0.9), ...averaging };

const scheduleFreeSgdRule: RuleFactory<keyof typeof sgdHyperparameters> = rule({
  name: "scheduleFreeSgd",
  hyperparameters: sgdHyperparameters,
  state: averagingState,
  update: (x) => averagedStep(x.g.add(x.p.mul(x.weightDecay)), x.beta, x),
  evaluation: ({ p, z, beta }) => average(p, z, beta),
});

const adamwHyperparameters = {
  lr: nonNegative(2.5e-3),
  beta1: unitInterval(0.9),
  beta2: belowOne(0.999),
  eps: positive(1e-8),
  ...averaging,
};

const scheduleFreeAdamwRule: RuleFactory<keyof typeof adamwHyperparameters> = rule({
  name: "scheduleFreeAdamw",
  hyperparameters: adamwHyperparameters,
  state: { ...averagingState, v: 0 },
  update(x) {
    const v = movingAverage(x.v, x.g.square(), x.beta2);
    const root = v.div(sub(1, x.beta2.pow(x.t))).sqrt();
    const direction = x.g.div(root.add(x.eps)).add(x.p.mul(x.weightDecay));
    return { ...averagedStep(direction, x.beta1, x), v };
  },
  evaluation: ({ p, z, beta1 }) => average(p, z, beta1),
});

/** How schedule-free rules average; each is a number, a schedule or learned. */
interface AveragingOptions {
  /** Learning rate γ ≥ 0; default 1 (SGD) or 0.0025 (AdamW). A warm-up is a schedule: `warmup(2.5e-3, { steps: 1000 })`. */
  readonly lr?: Setting;
  /** Weight decay λ ≥ 0, taken at y and decoupled from the second moment; default 0. */
  readonly weightDecay?: Setting;
  /** Power of t in the weights of the average, ≥ 0; default 0. */
  readonly r?: Setting;
  /** Power of the largest rate so far in the weights of the average, ≥ 0; default 2. */
  readonly power?: Setting;
}

/** Hyperparameters of `scheduleFreeSgd`. */
export interface ScheduleFreeSgdOptions extends AveragingOptions {
  /** β in [0, 1]: where the gradient is taken, from z (0) to x (1); default 0.9. */
  readonly beta?: Setting;
}

/** Hyperparameters of `scheduleFreeAdamw`. */
export interface ScheduleFreeAdamwOptions extends AveragingOptions {
  /** β₁ in [0, 1]: where the gradient is taken, from z (0) to x (1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root; default 1e-8. */
  readonly eps?: Setting;
}

/**
 * Schedule-free SGD, with g the gradient at y plus λy:
 *
 *     y = (1 − β)z + βx;   z ← z − γg;   x ← (1 − c)x + cz,   c = w_t/Σw,   w_t = tʳ·(max γ)ᵖ
 *
 * Defazio, Yang, Mehta, Mishchenko, Khaled & Cutkosky, "The Road Less Scheduled", NeurIPS 2024, arXiv 2405.15682, equations 3 to 5, as in the authors' code (facebookresearch/schedule_free).
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function scheduleFreeSgd(options: ScheduleFreeSgdOptions = {}): Spec {
  return scheduleFreeSgdRule(options);
}

/**
 * Schedule-free AdamW: as `scheduleFreeSgd`, with g/(√v̂ + ε) + λy in the place of g.
 *
 * Defazio et al., "The Road Less Scheduled", NeurIPS 2024, arXiv 2405.15682, Algorithm 1, as in the authors' code.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function scheduleFreeAdamw(options: ScheduleFreeAdamwOptions = {}): Spec {
  return scheduleFreeAdamwRule(options);
}
