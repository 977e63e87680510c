/**
 * `rule`: how an update rule is written, with types that know its hyperparameters and slots.
 */

import type { Expr, Operand } from "../expression/expression.js";
import type { AtMost } from "../expression/grain.js";
import { inDomain } from "./domain.js";
import type { Hyperparameter, Rule, Slot } from "./rule.js";
import { slot } from "./rule.js";
import { specOf } from "./settings.js";
import type { Setting, Spec } from "./spec.js";
import type { Stage, Total } from "./stage.js";

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

/** What the author of a rule and of a wrapper both say. */
export interface Definition<
  H extends Record<string, Hyperparameter>,
  S extends Record<string, number | Slot>,
  T extends string,
> {
  /** The name in messages and checkpoints. */
  readonly name: string;
  /** Hyperparameters by name, each built by `nonNegative`, `belowOne`, … with its default. Where the rule inside a wrapper has one of the name, the wrapper's is called `name2`. */
  readonly hyperparameters: H;
  /** State slots by name: a number is the initial value of one value per element; `slot` says everything else. */
  readonly state: S;
  /** Sums over all variables of a step, by name, in order: what one variable adds, from what `update` sees and the totals before it. A wrapper's are over the variables that it stands around. */
  readonly totals?: { readonly [K in T]: (inputs: UpdateInputs<H, S, NoInfer<T>>) => Operand<AtMost<"tensor">> };
}

/** A rule as its author writes it. */
export interface RuleDefinition<
  H extends Record<string, Hyperparameter>,
  S extends Record<string, number | Slot>,
  T extends string = never,
> extends Definition<H, S, T> {
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
