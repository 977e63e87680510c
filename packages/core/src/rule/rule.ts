/**
 * Update rules: one optimizer step as a pure description.
 *
 * A rule says, for one tensor, what the new parameter and the new state are, given the parameter p, the gradient g, the state, the
 * hyperparameters and the step count t. It is written once, on expressions, and knows nothing of tensors, backends or memory.
 * `rule(…)` turns a definition into what users call: `adamw({ lr: 1e-3 })`.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Numbers } from "../executors/executor.js";
import type { Operand } from "../expression/expression.js";
import type { Grain } from "../expression/grain.js";
import { type Domain, domains } from "./domain.js";
import type { Inputs, Stage } from "./stage.js";

/** A hyperparameter of a rule: its default value, where it may live, and what one learned value covers unless said otherwise. */
export interface Hyperparameter {
  /** The value where none is given. */
  readonly default: number;
  /** Where it may live; a learned value never leaves it. */
  readonly domain: Domain;
  /** What one learned value covers unless `learned` says otherwise. */
  readonly per: Grain;
}

function inDomainNamed(domain: Domain) {
  return (value: number, { per = "model" }: Partial<Pick<Hyperparameter, "per">> = {}): Hyperparameter =>
    Object.freeze({ default: value, domain, per });
}

/** Declares a hyperparameter with its default value; `per` is what one learned value covers unless `learned` says otherwise, by default the model. */
export type HyperparameterBuilder = (value: number, options?: Partial<Pick<Hyperparameter, "per">>) => Hyperparameter;

/** A hyperparameter that may be any finite number. */
export const real: HyperparameterBuilder = inDomainNamed(domains.real);
/** A hyperparameter ≥ 0. */
export const nonNegative: HyperparameterBuilder = inDomainNamed(domains.nonNegative);
/** A hyperparameter > 0; what is learned stays at or above 2⁻¹²⁶, the smallest normal float32. */
export const positive: HyperparameterBuilder = inDomainNamed(domains.positive);
/** A hyperparameter in [0, 1]. */
export const unitInterval: HyperparameterBuilder = inDomainNamed(domains.unitInterval);
/** A hyperparameter in [0, 1): at most 1 − 2⁻²⁴, the largest float32 below 1. For decay rates, where 1 − βᵗ is a divisor. */
export const belowOne: HyperparameterBuilder = inDomainNamed(domains.belowOne);

/** A tensor from outside: a tf.Tensor, or shape and values (as a decoded safetensors file holds them). */
export type GivenTensor = Numbers | tf.Tensor;

/** Initial values of a slot, from outside. */
export interface GivenByName {
  /** By variable name; shapes are the variables'. */
  readonly given: Readonly<Record<string, GivenTensor>>;
  /** The argument's name in error messages. */
  readonly called: string;
}

/** What a state slot holds before the first step. */
export type SlotInit =
  | number
  /** Computed from the parameter's first value and the hyperparameters; they have the names that `update` sees. */
  | ((inputs: Inputs) => Operand)
  /** Given for every variable. */
  | GivenByName;

/** A state slot: what a rule remembers from one step to the next, one value per `grain`. */
export interface Slot<G extends Grain = Grain> {
  /** What one of its values covers. */
  readonly grain: G;
  /** What it holds before the first step. */
  readonly init: SlotInit;
}

/** A state slot of a grain other than "element", or with an initial value that is not a number. */
export function slot<G extends Grain>(grain: G, init: SlotInit): Slot<G> {
  return Object.freeze({ grain, init });
}

/** A rule without its types: what the core works with. */
export interface Rule {
  /** The name in messages and checkpoints. */
  readonly name: string;
  /** By name. */
  readonly hyperparameters: Readonly<Record<string, Hyperparameter>>;
  /** Slots by name. */
  readonly state: Readonly<Record<string, Slot>>;
  /**
   * One step. Given `p`, `g`, `t` (1 at the first step), every slot, every hyperparameter and every stage by name; returns the new `p`, every slot's new
   * value, and a hyperparameter's name where the rule constrains that one: the value is written back if it is learned.
   */
  readonly update: (inputs: Inputs) => Readonly<Record<string, Operand | undefined>>;
  /** What `update` is also given, by name; see stage.ts. */
  readonly stages?: Readonly<Record<string, Stage>>;
  /** The gradient of what the rule descends, in terms of its inputs: what hyper-gradients are contracted with. Default: g. A penalty on p, such as L2, adds its own. */
  readonly objective?: (inputs: Inputs) => Operand;
  /** What to evaluate the model with, in terms of p, state and hyperparameters as they are after a step. Default: p. An average of parameters is one. */
  readonly evaluation?: (inputs: Inputs) => Operand;
}
