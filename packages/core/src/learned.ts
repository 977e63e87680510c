/**
 * `learned`: what takes the place of a number, and learns it.
 *
 * It names an initial value and the optimizer that moves it along its one-step hyper-gradient. That optimizer's own hyperparameters can
 * be learned in turn, which is all that a tower takes. Baydin et al., "Online Learning Rate Adaptation with Hypergradient
 * Descent", 2018, arXiv 1703.04782; Chandra et al., "Gradient Descent: The Ultimate Optimizer", 2022, arXiv 1909.13371.
 */
import { type CoordinateName, coordinates } from "./domain.js";
import type { Expr, Operand } from "./expression.js";
import { type Grain, grains } from "./grain.js";
import { checkSpec, type Spec } from "./spec.js";

/** A hyperparameter that is learned. Used for several hyperparameters or specs, the same object is the same learned value for each name. */
export interface Learned {
  /** Tells it from a number and a schedule. */
  readonly kind: "learned";
  /** The value at the first step. */
  readonly init: number;
  /** The optimizer that moves it. One object that serves several hyperparameters is one learner: its own learned values are shared by all that it moves. */
  readonly by: Spec;
  /** What one value covers; undefined: as the rule declares (usually the whole model). */
  readonly per: Grain | undefined;
  /** The coordinate in which it is learned. */
  readonly in: CoordinateName;
  /** Applied to the hyper-gradient before the learner sees it. */
  readonly gradient: ((d: Expr) => Operand) | undefined;
}

/** How something is learned. */
export interface LearnedOptions {
  /** What one value covers: the whole "model", one "tensor", one output "channel" or one "element". Default: as the rule declares, usually "model". */
  readonly per?: Grain;
  /**
   * The coordinate in which the learner moves it: "identity" (default), "log" (h = eʳ: relative steps, never negative), "logit" (h = 1/(1+e⁻ʳ)), "square" (h = r²) or
   * "tanh" (h = (1 + tanh r)/2).
   */
  readonly in?: CoordinateName;
  /** Changes the hyper-gradient d (already in the coordinate) before the learner sees it; an expression of d. FTP's annealing is one. */
  readonly gradient?: (d: Expr) => Operand;
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
  const { per, in: coordinate = "identity", gradient } = options;
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
  return Object.freeze({ kind: "learned", init, by, per, in: coordinate, gradient });
}

/** True for what `learned` returns. */
export function isLearned(x: unknown): x is Learned {
  return typeof x === "object" && x !== null && (x as Learned).kind === "learned";
}
