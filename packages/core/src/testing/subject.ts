/**
 * What a check is given, in one form: something that builds a spec from settings, and values for these settings.
 */
import fc from "fast-check";
import type { RuleFactory } from "../rule/define.js";
import type { Domain } from "../rule/domain.js";
import { specOf } from "../rule/settings.js";
import { accumulates, isLearned, mapRuleSpecs, ruleSpecsOf, type Setting, type Spec } from "../rule/spec.js";
import { overridden, plainestOf, plainIn, type Values, valuesIn } from "./hyperparameters.js";

/** A wrapper or a function with options, with what is needed to test it. */
export interface Wrapped {
  /** For messages. */
  readonly name: string;
  /** The spec for some settings, by the names that `values` has: `(settings) => ftp(adamw(settings))`. */
  readonly build: (settings: Readonly<Record<string, Setting>>) => Spec;
  /** Values for every hyperparameter that is tested: a number or an arbitrary. */
  readonly values: Readonly<Record<string, Values>>;
}

/** What can be tested: what `rule(…)` returned, a spec such as `adamw({ lr: 1e-3 })`, whose numbers are where values are drawn around, or a `Wrapped`. */
export type Testable = Pick<RuleFactory<never>, "rule"> | Spec | Wrapped;

/** What is tested, in one form. */
export interface Subject {
  readonly name: string;
  readonly build: (settings: Readonly<Record<string, Setting>>) => Spec;
  /** A value for every hyperparameter. */
  readonly values: Readonly<Record<string, fc.Arbitrary<number>>>;
  /** Those for which values were given: others may not suit the rule. */
  readonly given: ReadonlySet<string>;
  /** Round values for each, with which a step can be followed by hand. */
  readonly plainest: Readonly<Record<string, readonly number[]>>;
  /** One of these values for each. */
  readonly example: Readonly<Record<string, number>>;
  /** Where every hyperparameter may live. */
  readonly domains: Readonly<Record<string, Domain>>;
}

/** The number that a setting is in a step, before anything is learned. */
export const numberOf = (setting: Setting, step = 0): number =>
  isLearned(setting) ? setting.init : typeof setting === "function" ? setting(step) : setting;

/** A spec as something to build: the settings replace its own, in every rule that has them. */
function ofSpec(spec: Spec): Wrapped {
  const values: Record<string, Values> = {};
  for (const { rule, settings } of ruleSpecsOf(spec)) {
    for (const [name, { domain }] of Object.entries(rule.hyperparameters)) {
      values[name] ??= valuesIn(domain, numberOf(settings[name] as Setting));
    }
  }
  const names = [...new Set(ruleSpecsOf(spec).map(({ rule }) => rule.name))];
  return {
    name: names.join(", "),
    values,
    build: (given) =>
      mapRuleSpecs(spec, ({ rule, settings }) => {
        const own = Object.keys(rule.hyperparameters).flatMap((name) => (name in given ? [[name, given[name]]] : []));
        const kept = Object.entries(settings).map(([name, setting]) => [name, numberOf(setting, 0)]);
        return specOf(rule, { ...Object.fromEntries(kept), ...Object.fromEntries(own) });
      }),
  };
}

function wrapped(given: Testable): Wrapped {
  if ("kind" in given) return ofSpec(given);
  if ("rule" in given) return ofSpec(specOf(given.rule, {}));
  return given;
}

/**
 * What is tested, in one form.
 *
 * @param overrides Values by name, in place of those that the domains give.
 * @throws Error for what is none of these, and for a rule that works on tensors outside the expressions, or that accumulates gradients.
 */
export function subjectOf(check: string, given: Testable, overrides: Readonly<Record<string, Values>> = {}): Subject {
  if ((typeof given !== "object" && typeof given !== "function") || given === null) {
    throw new Error(
      `${check}: got ${String(given)}; expected what rule(…) returned, a spec such as adamw(), or { name, build, values }.`,
    );
  }
  if (!("kind" in given || "rule" in given || ("build" in given && "values" in given))) {
    throw new Error(
      `${check}: got ${typeof given === "function" ? `the function ${(given as () => void).name}` : "an object"} without a rule; expected what rule(…) returned, a spec such as adamw(), or { name, build, values }.`,
    );
  }
  const { name, build, values: own } = wrapped(given);
  const values = overridden(
    name,
    overridden(name, Object.fromEntries(Object.keys(own).map((key) => [key, fc.constant(0)])), own),
    overrides,
  );
  const [example] = fc.sample(fc.record(values), { seed: 1, numRuns: 1 }) as [Record<string, number>];
  const spec = build(example);
  const rules = ruleSpecsOf(spec);
  const onTensors = rules.find(({ rule }) => Object.values(rule.stages ?? {}).some(({ kind }) => kind === "operator"));
  if (onTensors) {
    throw new Error(`${check}: ${onTensors.rule.name} works on tf.Tensors; expected a rule made of expressions.`);
  }
  if (accumulates(spec)) {
    throw new Error(
      `${check}: ${name} accumulates gradients; expected the optimizer inside, which takes a step for each.`,
    );
  }
  const domains: Record<string, Domain> = {};
  for (const { rule } of rules) {
    for (const [of, { domain }] of Object.entries(rule.hyperparameters)) domains[of] ??= domain;
  }
  // What was given is all that the rule need bear.
  const fixed = new Set(Object.keys("values" in given ? values : overrides));
  const plainest = Object.entries(values).map(([of, drawn]): [string, readonly number[]] => {
    const domain = domains[of];
    return [of, domain && !fixed.has(of) ? plainIn(domain) : plainestOf(drawn)];
  });
  return { name, build, values, given: fixed, plainest: Object.fromEntries(plainest), example, domains };
}
