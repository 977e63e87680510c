/**
 * What a check is given, in one form: something that builds a spec from settings, and values for these settings.
 */
import fc from "fast-check";
import { sizeOf } from "../expression/layout.js";
import type { RuleFactory } from "../rule/define.js";
import type { Domain } from "../rule/domain.js";
import { resolve } from "../rule/resolve.js";
import type { Rule } from "../rule/rule.js";
import { specOf } from "../rule/settings.js";
import { accumulates, isLearned, mapRuleSpecs, ruleSpecsOf, type Setting, type Spec } from "../rule/spec.js";
import type { Operator } from "../rule/stage.js";
import { type Form, smallForm } from "./forms.js";
import { overridden, plainestOf, plainIn, type Values, valuesIn } from "./hyperparameters.js";
import type { ProblemOptions } from "./problems.js";

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
  /** The name of the first of its rules that work on tensors, if there is one: operators run in float32 at best. */
  readonly onTensors: string | undefined;
  /** The name of the first that remembers tensors. */
  readonly remembers: string | undefined;
  /** True where its rules can work on a variable of this form. */
  readonly accepts: (form: Form) => boolean;
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

/** Throws for what cannot be tested, whatever its numbers are. */
function checkTestable(check: string, given: Testable): void {
  const expected = "expected what rule(…) returned, a spec such as adamw(), or { name, build, values }.";
  if ((typeof given !== "object" && typeof given !== "function") || given === null) {
    throw new Error(`${check}: got ${String(given)}; ${expected}`);
  }
  if (!("kind" in given || "rule" in given || ("build" in given && "values" in given))) {
    const what = typeof given === "function" ? `the function ${(given as () => void).name}` : "an object";
    throw new Error(`${check}: got ${what} without a rule; ${expected}`);
  }
}

const operatorsOf = ({ stages = {} }: Rule): Operator[] =>
  Object.values(stages).filter((stage): stage is Operator => stage.kind === "operator");

/** Whether a spec chooses among rules by variable. */
function chooses(spec: Spec): boolean {
  return spec.kind === "choice" || ("spec" in spec && chooses(spec.spec));
}

/** Throws for a spec whose runs cannot be repeated, are not those of one rule, or have no step for every gradient. */
function checkRepeatable(check: string, name: string, spec: Spec): void {
  if (chooses(spec)) {
    throw new Error(
      `${check}: ${name} chooses among rules by variable, and the variables are drawn; expected one rule. Check each of those that it chooses among.`,
    );
  }
  const opaque = ruleSpecsOf(spec).find(({ rule }) => operatorsOf(rule).some((operator) => operator.opaque));
  if (opaque) {
    throw new Error(
      `${check}: ${opaque.rule.name} keeps what it remembers to itself, so that no run can be repeated; expected a rule. Check what stands around it around one, such as sgd().`,
    );
  }
  if (accumulates(spec)) {
    throw new Error(
      `${check}: ${name} accumulates gradients; expected the optimizer inside, which takes a step for each.`,
    );
  }
}

/** Whether the operators of a spec can work on a variable of some form; few operations of TensorFlow.js have a gradient without elements. */
function accepts(spec: Spec, { shape }: Form): boolean {
  const variable = { name: "a", shape };
  const operators = operatorsOf(resolve(spec, variable).spec.rule);
  if (operators.length > 0 && sizeOf(shape) === 0) return false;
  try {
    for (const operator of operators) operator.accepts?.(variable);
    return true;
  } catch {
    return false;
  }
}

/**
 * What is tested, in one form.
 *
 * @param overrides Values by name, in place of those that the domains give.
 * @throws Error for what is none of these, for a tf.Optimizer, for a choice among rules, and for a rule that accumulates gradients.
 */
export function subjectOf(check: string, given: Testable, overrides: Readonly<Record<string, Values>> = {}): Subject {
  checkTestable(check, given);
  const { name, build, values: own } = wrapped(given);
  const drawn = Object.fromEntries(Object.keys(own).map((key) => [key, fc.constant(0)]));
  const values = overridden(name, overridden(name, drawn, own), overrides);
  const [example] = fc.sample(fc.record(values), { seed: 1, numRuns: 1 }) as [Record<string, number>];
  const spec = build(example);
  checkRepeatable(check, name, spec);
  const rules = ruleSpecsOf(spec).map(({ rule }) => rule);
  const domains: Record<string, Domain> = {};
  for (const { hyperparameters } of rules) {
    for (const [of, { domain }] of Object.entries(hyperparameters)) domains[of] ??= domain;
  }
  // What was given is all that the rule need bear.
  const fixed = new Set(Object.keys("values" in given ? values : overrides));
  const plainest = Object.entries(values).map(([of, some]): [string, readonly number[]] => {
    const domain = domains[of];
    return [of, domain && !fixed.has(of) ? plainIn(domain) : plainestOf(some)];
  });
  return {
    name,
    build,
    values,
    given: fixed,
    plainest: Object.fromEntries(plainest),
    example,
    domains,
    onTensors: rules.find((rule) => operatorsOf(rule).length > 0)?.name,
    remembers: rules.find((rule) => operatorsOf(rule).some(({ memory }) => memory))?.name,
    accepts: (form) => accepts(spec, form),
  };
}

/** What is not checked of rules that work on tensors. */
export const unchecked = {
  empty: ({ onTensors }: Subject): string[] =>
    onTensors === undefined ? [] : [`tensors without elements: ${onTensors} works on tf.Tensors.`],
  small: ({ onTensors }: Subject): string[] =>
    onTensors === undefined ? [] : [`mistakes as small as the rounding of float32, in which ${onTensors} works.`],
  sizes: ({ onTensors }: Subject): string[] =>
    onTensors === undefined
      ? []
      : [`gradients of size 10¹² and 10⁻¹², unless asked for: ${onTensors} works on tf.Tensors.`],
};

/**
 * How problems are drawn for what is tested: of forms that its rules can work on.
 *
 * @throws Error where none of the forms is such a one.
 */
export function drawnFor(check: string, subject: Subject, options: ProblemOptions): ProblemOptions {
  const { forms = smallForm } = options;
  if (subject.onTensors === undefined) return options;
  if (!fc.sample(forms, { seed: 1, numRuns: 200 }).some(subject.accepts)) {
    throw new Error(
      `${check}: ${subject.onTensors} works on no shape that is drawn; give some that suit it: { problems: { forms: fc.constant({ shape: [2, 3], channelAxes: undefined }) } }.`,
    );
  }
  return { ...options, forms: forms.filter(subject.accepts) };
}
