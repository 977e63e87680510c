/**
 * `learned`: what takes the place of a number, and learns it.
 *
 * It names an initial value and the optimizer that moves it along its one-step hyper-gradient. That optimizer's own hyperparameters can
 * be learned in turn, which is all that a tower takes. Baydin et al., "Online Learning Rate Adaptation with Hypergradient
 * Descent", 2018, arXiv 1703.04782; Chandra et al., "Gradient Descent: The Ultimate Optimizer", 2022, arXiv 1909.13371.
 */

import type { Expr, Operand } from "../expression/expression.js";
import { type Grain, grains } from "../expression/grain.js";
import { type CoordinateName, coordinates } from "./domain.js";
import { checkNames } from "./options.js";
import type { Learned } from "./spec.js";
import { checkSpec, type Spec } from "./spec.js";

/** How something is learned. */
export interface LearnedOptions {
  /** What one value covers: the whole "model", one "tensor", one output "channel" or one "element". Default: as the rule declares, usually "model". */
  readonly per?: Grain;
  /**
   * The coordinate in which the learner moves it: "identity" (default), "log" (h = eʳ: relative steps, never negative), "logit" (h = 1/(1+e⁻ʳ)), "square" (h = r²) or
   * "tanh" (h = (1 + tanh r)/2).
   */
  readonly in?: CoordinateName;
  /** Changes the hyper-gradient d (already in the coordinate, normalised and clipped) before the learner sees it; an expression of d. FTP's annealing is one. */
  readonly gradient?: (d: Expr) => Operand;
  /**
   * True divides the hyper-gradient ⟨g, s⟩ by ‖g‖·‖s‖, norms over what one value covers: the cosine of the angle between gradient g and sensitivity s, a number in [−1, 1] without units.
   * Default false.
   */
  readonly normalise?: boolean;
  /** The learner sees no hyper-gradient (in the coordinate, after `normalise`) of a size above this, > 0. Default: any size. */
  readonly clip?: number;
  /** A trust region: in one step the value changes by this share of itself at most, between 0 and 1. A value that starts at 0 could not leave it, and is refused. Default: no limit. */
  readonly maxChange?: number;
  /** How many steps of the optimizer the value stays as it is before the learner takes its first; a whole number ≥ 0, default 0. */
  readonly warmup?: number;
  /**
   * How many steps back the hyper-gradient looks, at most: 1 (default) is the one-step hyper-gradient; with more, or Infinity, the sensitivities of parameter and state are carried from
   * step to step, in forward mode, and are forgotten every `horizon` steps. The gradients of those steps count as given: nothing is differentiated through the model. Costs a buffer
   * for the parameter and one for every state slot that depends on the value.
   */
  readonly horizon?: number;
  /** What each step leaves of the sensitivities carried from earlier ones, in [0, 1]; needs a horizon above 1. Default 1. */
  readonly decay?: number;
}

/** The options that are numbers, what they may be, and their defaults. */
const numbers = {
  clip: { otherwise: Number.POSITIVE_INFINITY, expected: "a number > 0", valid: (x: number) => x > 0 },
  // From 1 on a step down could reach 0, and stay there.
  maxChange: {
    otherwise: Number.POSITIVE_INFINITY,
    expected: "a number between 0 and 1, or Infinity",
    valid: (x: number) => (x > 0 && x < 1) || x === Number.POSITIVE_INFINITY,
  },
  warmup: { otherwise: 0, expected: "a whole number ≥ 0", valid: (x: number) => Number.isInteger(x) && x >= 0 },
  horizon: {
    otherwise: 1,
    expected: "a whole number ≥ 1, or Infinity",
    valid: (x: number) => x >= 1 && (Number.isInteger(x) || x === Number.POSITIVE_INFINITY),
  },
  decay: { otherwise: 1, expected: "a number from 0 to 1", valid: (x: number) => x >= 0 && x <= 1 },
} as const;

function numberOf(name: keyof typeof numbers, options: LearnedOptions): number {
  const { otherwise, expected, valid } = numbers[name];
  const value: unknown = options[name] ?? otherwise;
  if (typeof value === "number" && valid(value)) return value;
  throw new Error(
    `learned: ${name} is ${typeof value === "number" ? value : JSON.stringify(value)}; expected ${expected}.`,
  );
}

/**
 * A hyperparameter that is learned by its one-step hyper-gradient.
 *
 * @param init The value at the first step, inside the hyperparameter's domain.
 * @param by The optimizer that moves it.
 * @throws Error for an initial value that is not finite, something that is no optimizer, an unknown grain or coordinate.
 */
export function learned(init: number, by: Spec, options: LearnedOptions = {}): Learned {
  if (!Number.isFinite(init)) throw new Error(`learned: init is ${init}; expected a finite number.`);
  checkSpec("learned: by", by);
  checkNames("learned", options, ["per", "in", "gradient", "normalise", ...Object.keys(numbers)]);
  const { per, in: coordinate = "identity", gradient, normalise = false } = options;
  if (per !== undefined && !grains.includes(per)) {
    throw new Error(`learned: per is ${JSON.stringify(per)}; expected one of ${grains.join(", ")}.`);
  }
  if (!Object.hasOwn(coordinates, coordinate)) {
    throw new Error(
      `learned: in is ${JSON.stringify(coordinate)}; expected one of ${Object.keys(coordinates).join(", ")}.`,
    );
  }
  if (gradient !== undefined && typeof gradient !== "function") {
    throw new Error(
      `learned: gradient is ${JSON.stringify(gradient)}; expected a function of the hyper-gradient, such as (d) => d.sign().`,
    );
  }
  if (typeof normalise !== "boolean") {
    throw new Error(`learned: normalise is ${JSON.stringify(normalise)}; expected true or false.`);
  }
  const maxChange = numberOf("maxChange", options);
  if (init === 0 && maxChange < Number.POSITIVE_INFINITY) {
    throw new Error(
      `learned: maxChange is ${maxChange}, a share of the value, but init is 0, which could then never change. Start from another value, or leave maxChange out.`,
    );
  }
  const horizon = numberOf("horizon", options);
  if (horizon === 1 && options.decay !== undefined) {
    throw new Error(
      "learned: decay is given, but horizon is 1, so nothing is carried. Give a horizon, such as Infinity.",
    );
  }
  return Object.freeze({
    kind: "learned",
    init,
    by,
    per,
    in: coordinate,
    gradient,
    normalise,
    clip: numberOf("clip", options),
    maxChange,
    warmup: numberOf("warmup", options),
    horizon,
    decay: numberOf("decay", options),
  });
}
