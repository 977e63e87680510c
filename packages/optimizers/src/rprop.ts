/**
 * Rprop: steps whose size depends on the signs of gradients alone.
 */
import {
  clamp,
  type Expr,
  nonNegative,
  type RuleFactory,
  rule,
  type Setting,
  type Spec,
  select,
  slot,
  unitInterval,
} from "@hypergrad/core";

const hyperparameters = {
  lr: nonNegative(1e-2),
  etaMinus: unitInterval(0.5),
  etaPlus: nonNegative(1.2),
  minStep: nonNegative(1e-6),
  maxStep: nonNegative(50),
};

const rpropRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "rprop",
  hyperparameters,
  state: { previous: 0, step: slot("element", ({ lr }) => lr as Expr) },
  update({ p, g, previous, step, etaMinus, etaPlus, minStep, maxStep }) {
    // Signs, not products: those of tiny gradients would be 0.
    const turn = g.sign().mul(previous.sign());
    const factor = select(turn.greater(0), etaPlus, select(turn.less(0), etaMinus, 1));
    const size = clamp(step.mul(factor), minStep, maxStep);
    // After a turn the parameter rests for a step, and the next one begins anew.
    const seen = select(turn.less(0), 0, g);
    return { p: p.sub(seen.sign().mul(size)), previous: seen, step: size };
  },
});

/** Hyperparameters of `rprop`; each is a number, a schedule or learned. */
export interface RpropOptions {
  /** The first step size ≥ 0; default 0.01. It acts at the start alone: learned with a horizon above 1 or not at all. */
  readonly lr?: Setting;
  /** η₋ in [0, 1]: the factor where the gradient turns; default 0.5. */
  readonly etaMinus?: Setting;
  /** η₊ ≥ 0, 1 or more: the factor where it keeps its sign; default 1.2. */
  readonly etaPlus?: Setting;
  /** The smallest step size ≥ 0; default 1e-6. */
  readonly minStep?: Setting;
  /** The largest step size ≥ 0; default 50. */
  readonly maxStep?: Setting;
}

/**
 * Rprop, element by element, with s = sign(g·g₋):
 *
 *     Δ ← clip(Δ·(η₊ if s > 0, η₋ if s < 0, else 1), Δ_min, Δ_max);   g ← 0 if s < 0;   θ ← θ − sign(g)·Δ;   g₋ ← g
 *
 * Riedmiller & Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", ICNN 1993, as torch.optim.Rprop has it (Rprop⁻ with a rest after a turn).
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function rprop(options: RpropOptions = {}): Spec {
  return rpropRule(options);
}
