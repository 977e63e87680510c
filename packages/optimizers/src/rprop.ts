/**
 * Rprop: a step size for every element, larger while the sign of its gradient stays and smaller when it changes.
 */
import {
  clamp,
  nonNegative,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  select,
  unitInterval,
} from "@hypergrad/core";

const rpropRule: RuleFactory<"lr" | "etaMinus" | "etaPlus" | "stepMin" | "stepMax"> = rule({
  name: "rprop",
  hyperparameters: {
    lr: nonNegative(1e-2),
    etaMinus: unitInterval(0.5),
    etaPlus: nonNegative(1.2),
    stepMin: nonNegative(1e-6),
    stepMax: nonNegative(50),
  },
  state: { last: 0, size: 0 },
  update(x) {
    const { t, etaMinus, etaPlus, stepMin, stepMax } = x;
    // Signs, not gradients: their product does not underflow.
    const agreement = x.g.sign().mul(x.last.sign());
    const turned = agreement.less(0);
    const before = select(t.equal(1), x.lr, x.size);
    const size = clamp(before.mul(select(agreement.greater(0), etaPlus, 1)), stepMin, stepMax);
    // Where the sign changed, this step is not taken, and the next one, which is shorter, is not compared.
    const g = select(turned, 0, x.g);
    const shorter = clamp(before.mul(etaMinus), stepMin, stepMax);
    return { p: x.p.sub(g.sign().mul(size)), last: g, size: select(turned, shorter, size) };
  },
});

/** Hyperparameters of `rprop`; each is a number, a schedule or learned. */
export interface RpropOptions {
  /** Step size Δ₀ ≥ 0 at the first step; default 0.01. */
  readonly lr?: Setting;
  /** Factor η⁻ in [0, 1] where the gradient changed its sign; default 0.5. */
  readonly etaMinus?: Setting;
  /** Factor η⁺ ≥ 0 where it kept it, usually above 1; default 1.2. */
  readonly etaPlus?: Setting;
  /** Smallest step size ≥ 0; default 1e-6. */
  readonly stepMin?: Setting;
  /** Largest step size ≥ 0; default 50. */
  readonly stepMax?: Setting;
}

/**
 * Rprop:
 *
 *     g·g₋₁ > 0:   Δ ← min(η⁺Δ, Δmax);   g·g₋₁ < 0:   Δ ← max(η⁻Δ, Δmin), g ← 0;   θ ← θ − sign(g)·Δ
 *
 * Riedmiller & Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP Algorithm", ICNN 1993, without taking steps
 * back, as torch.optim has it.
 *
 * @throws Error for an unknown name, a number outside its domain, or a `stepMin` above `stepMax`.
 */
export function rprop(options: RpropOptions = {}): Spec {
  const { stepMin = 1e-6, stepMax = 50 } = options;
  if (typeof stepMin === "number" && typeof stepMax === "number" && stepMin > stepMax) {
    throw new Error(`rprop: stepMin is ${stepMin}, stepMax is ${stepMax}; expected stepMin ≤ stepMax.`);
  }
  return rpropRule(options);
}
