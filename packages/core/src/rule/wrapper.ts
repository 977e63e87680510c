/**
 * Wrappers: rules around any rule.
 *
 * A wrapper may change the gradient that the rule inside is given, what is made of its proposal, or both. It is written like a rule, with
 * hyperparameters, state and totals of its own, and what it returns is a rule again: wrappers nest, and the hyperparameters of all
 * of them can be learned.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { type Expr, type Operand, toExpr } from "../expression/expression.js";
import { type Definition, ruleFactory, type UpdateInputs, type UpdateOutputs, untyped } from "./define.js";
import { baseSpec } from "./from-tf.js";
import type { Hyperparameter, Rule, Slot } from "./rule.js";
import { specOf } from "./settings.js";
import { mapRuleSpecs, ruleSpecsOf, type Setting, type Spec } from "./spec.js";
import type { Inputs, Stage, Total } from "./stage.js";

/** What is done to an optimizer: a wrapper with its settings. */
export type Transform = (base: Spec | tf.Optimizer) => Spec;

/** What `update` of a wrapper sees besides its own: the new p that the rule inside proposes. */
export interface Proposed {
  /** The new parameter that the rule inside proposes. */
  readonly proposed: Expr<"element">;
}

/** A wrapper as its author writes it. */
export interface WrapperDefinition<
  H extends Record<string, Hyperparameter>,
  S extends Record<string, number | Slot>,
  T extends string = never,
> extends Definition<H, S, T> {
  /** The gradient that the rule inside is given. Default: g. */
  readonly gradient?: (inputs: UpdateInputs<H, S, NoInfer<T>>) => Operand;
  /** The gradient of what is descended, where the wrapper adds to the loss; see `Rule.objective`. */
  readonly objective?: (inputs: UpdateInputs<H, S>) => Operand;
  /** What becomes of the proposal: the new p, and the new value of every slot of the wrapper. Default: p is what is proposed. */
  readonly update?: (inputs: UpdateInputs<H, S, NoInfer<T>> & Proposed) => UpdateOutputs<H, S>;
  /** What to evaluate the model with; `proposed` is what the rule inside would evaluate it with. See `Rule.evaluation`. */
  readonly evaluation?: (inputs: Omit<UpdateInputs<H, S>, "g"> & Proposed) => Operand;
}

/** What users call: settings in, a function from an optimizer to an optimizer out. */
export type WrapperFactory<Names extends string> = (settings?: { readonly [K in Names]?: Setting }) => Transform;

/** A wrapper without its types. */
interface Wrapper extends Pick<Rule, "name" | "hyperparameters" | "state" | "evaluation"> {
  readonly totals: Readonly<Record<string, Total["value"]>>;
  readonly gradient?: (inputs: Inputs) => Operand;
  readonly objective?: (inputs: Inputs) => Operand;
  readonly update?: Rule["update"];
}

/**
 * Defines a wrapper.
 *
 * @returns A function from settings to a function from an optimizer (a spec, or an existing tf.Optimizer) to a spec.
 * @throws Error where a name is used twice, or a default lies outside its domain.
 */
export function wrapper<
  const H extends Record<string, Hyperparameter>,
  const S extends Record<string, number | Slot> = Record<never, never>,
  const T extends string = never,
>(definition: WrapperDefinition<H, S, T>): WrapperFactory<keyof H & string> {
  const { state } = untyped({ ...definition, update: undefined });
  const own = { totals: {}, ...definition, state } as unknown as Wrapper;
  // Checks the names; what is proposed has one too.
  const named = ["proposed", ...Object.keys(own.totals)].map((name): [string, Stage] => [
    name,
    { kind: "total", value: () => 0 },
  ]);
  const self = ruleFactory({ ...own, stages: Object.fromEntries(named), update: (x) => x }).rule;
  return (settings = {}) => {
    const { settings: filled } = specOf(self, settings);
    return (base) => {
      // One total for all the rules that this wrapper stands around.
      const over = Object.fromEntries(Object.keys(own.totals).map((name) => [name, {}]));
      const inside = mapRuleSpecs(baseSpec(base), (spec) => spec);
      // The same names in all of them: one learned object has one value for each name.
      const names = namesAround(
        own,
        ruleSpecsOf(inside).map(({ rule }) => rule),
      );
      return mapRuleSpecs(inside, (inner) => {
        const rule = around(own, over, names, inner.rule);
        const renamed = Object.entries(filled).map(([name, setting]) => [names.get(name), setting]);
        return ruleFactory(rule)({ ...inner.settings, ...Object.fromEntries(renamed) });
      });
    };
  };
}

/** What the wrapper's names are called where it stands around these rules. */
function namesAround(own: Wrapper, rules: readonly Rule[]): Map<string, string> {
  const theirs = rules.flatMap(({ hyperparameters, state, stages = {} }) => [hyperparameters, state, stages]);
  const taken = new Set(["p", "g", "t", ...theirs.flatMap(Object.keys)]);
  const mine = [own.hyperparameters, own.state, own.totals].flatMap(Object.keys);
  return new Map(
    mine.map((name) => {
      let free = name;
      for (let n = 2; taken.has(free) || (free !== name && mine.includes(free)); n++) free = `${name}${n}`;
      return [name, free];
    }),
  );
}

/** The wrapper around a rule. */
function around(
  own: Wrapper,
  over: Readonly<Record<string, object>>,
  names: ReadonlyMap<string, string>,
  base: Rule,
): Rule {
  const called = (name: string): string => names.get(name) ?? name;
  const rename = <V>(record: Readonly<Record<string, V>>): Record<string, V> =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [called(name), value]));
  /** What the wrapper sees, under its own names. */
  const outer = (x: Inputs): Record<string, Expr> => {
    const seen = [...names].map(([name, there]) => [name, x[there]]);
    return { ...Object.fromEntries(seen), p: x.p as Expr, g: x.g as Expr, t: x.t as Expr };
  };
  /** What the rule inside sees. */
  const inner = (x: Inputs): Inputs => (own.gradient ? { ...x, g: toExpr(own.gradient(outer(x))) } : x);
  const { objective, evaluation, update } = own;
  const totals = Object.entries(own.totals).map(([name, value]): [string, Total] => [
    called(name),
    { kind: "total", value: (x) => value(outer(x)), over: over[name] as object },
  ]);
  const stages = Object.entries(base.stages ?? {}).map(([name, stage]): [string, Stage] => [
    name,
    seeing(inner, stage),
  ]);
  return {
    name: `${own.name}(${base.name})`,
    hyperparameters: { ...base.hyperparameters, ...rename(own.hyperparameters) },
    state: { ...base.state, ...rename(slotsOf(own, outer)) },
    stages: Object.fromEntries([...totals, ...stages]),
    update(x) {
      const proposal = base.update(inner(x));
      if (!update) return proposal;
      return { ...proposal, ...rename(update({ ...outer(x), proposed: toExpr(proposal.p as Operand) })) };
    },
    ...((objective || base.objective) && {
      objective(x) {
        const g = objective ? toExpr(objective(outer(x))) : (x.g as Expr);
        return base.objective ? base.objective({ ...x, g }) : g;
      },
    }),
    ...((evaluation || base.evaluation) && {
      evaluation(x) {
        const inside = toExpr(base.evaluation?.(x) ?? (x.p as Expr));
        return evaluation ? evaluation({ ...outer(x), proposed: inside }) : inside;
      },
    }),
  };
}

/** A stage of the rule inside, which sees what that rule sees. */
function seeing(inner: (x: Inputs) => Inputs, stage: Stage): Stage {
  return stage.kind === "total"
    ? { ...stage, value: (x) => stage.value(inner(x)) }
    : { ...stage, inputs: (x) => stage.inputs(inner(x)) };
}

/** The wrapper's slots, with initial values that read the wrapper's names. */
function slotsOf({ state }: Wrapper, outer: (x: Inputs) => Inputs): Rule["state"] {
  return Object.fromEntries(
    Object.entries(state).map(([name, { grain, init }]) => [
      name,
      { grain, init: typeof init === "function" ? (x: Inputs) => init(outer(x)) : init },
    ]),
  );
}

/**
 * Wrappers one inside the other, around an optimizer; the first is the outermost and sees the gradient first:
 *
 *     chain(clipByGlobalNorm({ maxNorm: 1 }), l2({ weightDecay: 1e-2 }), adam())
 *
 * is clipByGlobalNorm(…)(l2(…)(adam())).
 *
 * @param parts Wrappers with their settings, then an optimizer.
 * @throws Error where the last part is no optimizer, or an earlier one no wrapper.
 */
export function chain(...parts: [...Transform[], Spec | tf.Optimizer]): Spec {
  const base = parts.at(-1) as Spec | tf.Optimizer;
  const wrappers = parts.slice(0, -1) as Transform[];
  wrappers.forEach((wrapper, i) => {
    if (typeof wrapper !== "function") {
      throw new Error(
        `chain: part ${i + 1} is no wrapper; expected one such as clipByGlobalNorm({ maxNorm: 1 }), and an optimizer last.`,
      );
    }
  });
  return wrappers.reduceRight<Spec>(
    (spec, wrapper) => wrapper(spec),
    mapRuleSpecs(baseSpec(base), (spec) => spec),
  );
}
