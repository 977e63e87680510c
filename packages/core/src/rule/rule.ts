/**
 * Update rules: one optimizer step as a pure description.
 *
 * A rule says, for one tensor, what the new parameter and the new state are, given the parameter p, the gradient g, the state, the
 * hyperparameters and the step count t. It is written once, on expressions, and knows nothing of tensors, backends or memory.
 * `rule(…)` turns a definition into what users call: `adamw({ lr: 1e-3 })`.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Numbers } from "../executors/executor.js";
import type { Expr, Operand } from "../expression/expression.js";
import type { AtMost, Grain } from "../expression/grain.js";
import { type Domain, domains, inDomain } from "./domain.js";
import { type Setting, type Spec, specOf } from "./spec.js";
import type { Inputs, Stage, Total } from "./stage.js";

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

type SlotGrain<S> = S extends Slot<infer G> ? G : "element";

/** What every update sees: the parameter, its gradient and the step count, 1 at the first step. */
export interface StepInputs {
  /** The parameter θ. */
  readonly p: Expr<"element">;
  /** The gradient of the loss. */
  readonly g: Expr<"element">;
  /** Steps that this variable has taken, this one included. */
  readonly t: Expr<"model">;
}

/** What an update sees: p, g, t, and slots, hyperparameters and totals by name. */
export type UpdateInputs<H, S, T extends string = never> = StepInputs & { readonly [K in keyof H]: Expr<"tensor"> } & {
  readonly [K in keyof S]: Expr<SlotGrain<S[K]>>;
} & { readonly [K in T]: Expr<"model"> };

/** What an update returns: the new p, the new value of every slot, and of a hyperparameter where the rule constrains it. */
export type UpdateOutputs<H, S> = Readonly<Record<"p", Operand>> & {
  readonly [K in keyof S]: Operand<AtMost<SlotGrain<S[K]>>>;
} & {
  readonly [K in keyof H]?: Operand<AtMost<"tensor">>;
};

/** A rule as its author writes it. */
export interface RuleDefinition<
  H extends Record<string, Hyperparameter>,
  S extends Record<string, number | Slot>,
  T extends string = never,
> {
  /** The name in messages and checkpoints. */
  readonly name: string;
  /** Hyperparameters by name, each built by `nonNegative`, `belowOne`, … with its default. */
  readonly hyperparameters: H;
  /** State slots by name: a number is the initial value of one value per element; `slot` says everything else. */
  readonly state: S;
  /** Sums over all variables of a step, by name, in order: what one variable adds, from what `update` sees and the totals before it. */
  readonly totals?: { readonly [K in T]: (inputs: UpdateInputs<H, S, NoInfer<T>>) => Operand<AtMost<"tensor">> };
  /** The step; see `Rule.update`. */
  readonly update: (inputs: UpdateInputs<H, S, NoInfer<T>>) => UpdateOutputs<H, S>;
  /** What to evaluate the model with; see `Rule.evaluation`. */
  readonly evaluation?: (inputs: Omit<UpdateInputs<H, S>, "g">) => Operand;
}

/** What users call: settings in (a number, a schedule or `learned` by name; the default for what is left out), a spec out. */
export interface RuleFactory<Names extends string> {
  (settings?: { readonly [K in Names]?: Setting }): Spec;
  /** The rule itself. */
  readonly rule: Rule;
}

const reserved = ["p", "g", "t"];

/**
 * Defines an update rule.
 *
 * @returns A function from settings to a spec, to be given to `hyper`, `learned` or a wrapper such as `ftp`.
 * @throws Error where a name is used twice, or a default lies outside its domain.
 */
export function rule<
  const H extends Record<string, Hyperparameter>,
  const S extends Record<string, number | Slot> = Record<never, never>,
  const T extends string = never,
>(definition: RuleDefinition<H, S, T>): RuleFactory<keyof H & string> {
  return ruleFactory(untyped(definition));
}

/** A definition without its types. */
export function untyped(definition: {
  readonly name: string;
  readonly hyperparameters: Readonly<Record<string, Hyperparameter>>;
  readonly state: Readonly<Record<string, number | Slot>>;
  readonly totals?: object;
  readonly update: unknown;
  readonly evaluation?: unknown;
}): Rule {
  const { name, hyperparameters, state, totals, update, evaluation } = definition;
  return {
    name,
    hyperparameters,
    state: mapValues(state, (init) => (typeof init === "number" ? slot("element", init) : init)),
    update: update as Rule["update"],
    ...(totals && {
      stages: mapValues(
        totals as Readonly<Record<string, Total["value"]>>,
        (value): Stage => ({ kind: "total", value }),
      ),
    }),
    ...(evaluation !== undefined && { evaluation: evaluation as NonNullable<Rule["evaluation"]> }),
  };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, f: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
}

/** The factory of a rule that was built without `rule`, as wrappers build theirs. Checks that every name is used once. */
export function ruleFactory<Names extends string>(rule: Rule): RuleFactory<Names> {
  const names = [...reserved, ...[rule.state, rule.hyperparameters, rule.stages ?? {}].flatMap(Object.keys)];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) {
    throw new Error(
      `rule "${rule.name}": the name "${twice}" is used twice; p, g, t, the state slots, the hyperparameters and the totals each need a name of their own.`,
    );
  }
  for (const [name, { default: value, domain }] of Object.entries(rule.hyperparameters)) {
    if (!inDomain(value, domain)) {
      throw new Error(`rule "${rule.name}": the default of ${name} is ${value}; expected ${domain.description}.`);
    }
  }
  const frozen = Object.freeze({ ...rule });
  return Object.assign((settings: Readonly<Record<string, Setting | undefined>> = {}) => specOf(frozen, settings), {
    rule: frozen,
  }) as RuleFactory<Names>;
}
