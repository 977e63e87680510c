/**
 * Lookahead: slow weights that follow fast ones.
 */
import { type Expr, type Setting, select, slot, type Transform, unitInterval, wrapper } from "@hypergrad/core";

/** How `lookahead` follows. */
export interface LookaheadOptions {
  /** α in [0, 1]: the share of the way that the slow weights go; default 0.5. */
  readonly alpha?: Setting;
  /** k: steps of the fast weights for one of the slow ones, a whole number ≥ 1; default 5. */
  readonly steps?: number;
}

/**
 * Every k steps of the optimizer inside: φ ← φ + α(θ − φ);   θ ← φ. The model is best evaluated with the slow weights φ, which `optimizer.swap()` puts in place.
 *
 * Zhang, Lucas, Hinton & Ba, "Lookahead Optimizer: k steps forward, 1 step back", NeurIPS 2019, arXiv 1907.08610, Algorithm 1.
 *
 * @throws Error for α outside [0, 1], or k that is no whole number ≥ 1.
 */
export function lookahead({ alpha = 0.5, steps = 5 }: LookaheadOptions = {}): Transform {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new Error(`lookahead: steps is ${steps}; expected a whole number ≥ 1.`);
  }
  return wrapper({
    name: `lookahead ${steps}`,
    hyperparameters: { alpha: unitInterval(0.5) },
    state: { slow: slot("element", ({ p }) => p as Expr) },
    update({ t, proposed, slow, alpha }) {
      const meet = t.sub(t.div(steps).floor().mul(steps)).equal(0);
      const met = slow.add(proposed.sub(slow).mul(alpha));
      return { p: select(meet, met, proposed), slow: select(meet, met, slow) };
    },
    evaluation: ({ slow }) => slow,
  })({ alpha });
}
