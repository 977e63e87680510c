/**
 * Specs: optimizers as plain, frozen data.
 *
 * A spec is a rule with a setting for each of its hyperparameters, or a choice between specs by variable name. It holds no state and
 * touches no tensor; `hyper` brings it to life.
 */
import { coordinates, inDomain } from "./domain.js";
import { isLearned, type Learned } from "./learned.js";
import type { Rule } from "./rule.js";
import type { Schedule } from "./schedule.js";

/** What a hyperparameter can be: a number, a schedule, or learned. */
export type Setting = number | Schedule | Learned;

/** Which variables: a regular expression that the name matches, or a string that is the name or its leading path ("head" is head/kernel). */
export type NamePattern = string | RegExp;

/** A variable as specs see it. */
export interface VariableInfo {
  /** The tf.Variable's name. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
}

/**
 * Which axes of a variable name its output channels, each in [−rank, rank): a function of the variable, or a record by name. What is undefined or not in the record is left
 * to the rank: the last axis, and with fewer than two axes one channel for the whole tensor.
 */
export type ChannelAxis =
  | ((variable: VariableInfo) => number | readonly number[] | undefined)
  | Readonly<Record<string, number | readonly number[]>>;

/** A rule with its settings. */
export interface RuleSpec {
  /** Tells it from the other specs. */
  readonly kind: "rule";
  /** The rule. */
  readonly rule: Rule;
  /** What every hyperparameter is, by name. */
  readonly settings: Readonly<Record<string, Setting>>;
}

/** A choice by variable name: what matches a pattern takes `matching`, everything else `otherwise`. */
export interface ChoiceSpec {
  /** Tells it from the other specs. */
  readonly kind: "choice";
  /** Of names. */
  readonly patterns: readonly NamePattern[];
  /** The argument that the patterns came from, for error messages. */
  readonly called: string;
  /** For variables whose name matches a pattern. */
  readonly matching: Spec;
  /** For all others. */
  readonly otherwise: Spec;
}

/** A spec, and how the tensors it works on fall into channels. */
export interface LayoutSpec {
  /** Tells it from the other specs. */
  readonly kind: "layout";
  /** Which axes name output channels. */
  readonly channelAxis: ChannelAxis;
  /** The optimizer. */
  readonly spec: Spec;
}

/** An optimizer as data. */
export type Spec = RuleSpec | ChoiceSpec | LayoutSpec;

/** True for what `rule`, `ftp`, … return. */
function isSpec(x: unknown): x is Spec {
  return typeof x === "object" && x !== null && ["rule", "choice", "layout"].includes((x as Spec).kind);
}

/**
 * Checks that something is a spec.
 *
 * @param where What it was given to, for the message.
 */
export function checkSpec(where: string, x: unknown): void {
  if (isSpec(x)) return;
  throw new Error(`${where}: expected an optimizer such as adamw({ lr: 1e-3 }); got ${shownOf(x)}.`);
}

function shownOf(x: unknown): string {
  if (typeof x === "function") return `the function ${x.name}; call it`;
  if (typeof x !== "object" || x === null) return String(x);
  const { name } = x.constructor ?? Object;
  return name === "Object" ? JSON.stringify(x) : name;
}

/** Refuses options that do not exist: from plain JavaScript, a misspelt one would go unnoticed. */
export function checkNames(where: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`${where}: there is no option "${unknown}"; there are ${known.join(", ")}.`);
  }
}

/**
 * A rule with its settings; defaults fill what is left out.
 *
 * @throws Error for a name that the rule does not have, a number outside its domain, a coordinate that cannot reach the initial value.
 */
export function specOf(rule: Rule, settings: Readonly<Record<string, Setting | undefined>>): RuleSpec {
  const known = Object.keys(rule.hyperparameters);
  for (const [name, setting] of Object.entries(settings)) {
    if (!known.includes(name)) {
      throw new Error(
        `${rule.name}: there is no hyperparameter "${name}"; it has ${known.length ? known.join(", ") : "none"}.`,
      );
    }
    if (setting !== undefined) checkSetting(rule, name, setting);
  }
  const filled = Object.entries(rule.hyperparameters).map(([name, type]) => [name, settings[name] ?? type.default]);
  return Object.freeze({ kind: "rule", rule, settings: Object.freeze(Object.fromEntries(filled)) });
}

function checkSetting(rule: Rule, name: string, setting: Setting): void {
  const { domain } = rule.hyperparameters[name] as Rule["hyperparameters"][string];
  if (typeof setting === "number") {
    if (!inDomain(setting, domain)) {
      throw new Error(`${rule.name}: ${name} is ${setting}; expected ${domain.description}.`);
    }
  } else if (isLearned(setting)) {
    const { init } = setting;
    if (!inDomain(init, domain)) {
      throw new Error(`${rule.name}: ${name} is learned from ${init}; expected ${domain.description}.`);
    }
    const [low, high] = coordinates[setting.in].range;
    if (!(init > low && init < high)) {
      throw new Error(
        `${rule.name}: ${name} is learned from ${init} in the coordinate "${setting.in}", which reaches only numbers between ${low} and ${high}, ends excluded. Start inside, or use in: "identity".`,
      );
    }
  } else if (typeof setting !== "function") {
    throw new Error(
      `${rule.name}: ${name} is ${JSON.stringify(setting)}; expected a number, a schedule (a function of the step) or learned(…).`,
    );
  }
}

/**
 * A choice by variable name: variables that match one of the patterns take `matching`, all others `otherwise`.
 *
 * @param called The argument that the patterns came from, for error messages.
 */
export function choice(patterns: readonly NamePattern[], called: string, matching: Spec, otherwise: Spec): Spec {
  return Object.freeze({ kind: "choice", patterns: Object.freeze([...patterns]), called, matching, otherwise });
}

/** A spec that is told which axes of its variables name output channels. Where specs are nested, the innermost word counts. */
export function withChannelAxis(spec: Spec, channelAxis: ChannelAxis): Spec {
  if (typeof channelAxis !== "function" && (typeof channelAxis !== "object" || channelAxis === null)) {
    throw new Error(
      `channelAxis is ${JSON.stringify(channelAxis)}; expected axes by variable name, such as { "embedding/embeddings": 0 }, or a function of the variable.`,
    );
  }
  return Object.freeze({ kind: "layout", channelAxis, spec });
}

/** Every rule of a spec, in the order in which they stand there. */
export function ruleSpecsOf(spec: Spec): RuleSpec[] {
  switch (spec.kind) {
    case "rule":
      return [spec];
    case "choice":
      return [...ruleSpecsOf(spec.matching), ...ruleSpecsOf(spec.otherwise)];
    case "layout":
      return ruleSpecsOf(spec.spec);
  }
}

/** The spec with each of its rules replaced: how wrappers reach into a choice. */
export function mapRuleSpecs(spec: Spec, f: (spec: RuleSpec) => Spec): Spec {
  checkSpec("A wrapper's base", spec);
  switch (spec.kind) {
    case "rule":
      return f(spec);
    case "choice":
      return Object.freeze({
        ...spec,
        matching: mapRuleSpecs(spec.matching, f),
        otherwise: mapRuleSpecs(spec.otherwise, f),
      });
    case "layout":
      return Object.freeze({ ...spec, spec: mapRuleSpecs(spec.spec, f) });
  }
}

/** True where the name matches the pattern. */
function matches(pattern: NamePattern, name: string): boolean {
  // A sticky or global expression keeps a position between calls; a copy without one always looks at the whole name.
  if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(name);
  return name === pattern || name.startsWith(`${pattern}/`);
}

function axesOf(channelAxis: ChannelAxis, variable: VariableInfo): readonly number[] | undefined {
  const axes = typeof channelAxis === "function" ? channelAxis(variable) : channelAxis[variable.name];
  return typeof axes === "number" ? [axes] : axes;
}

/** The rule for one variable, and the channel axes that the innermost layout around it gives. */
export function resolve(
  spec: Spec,
  variable: VariableInfo,
): { spec: RuleSpec; channelAxes: readonly number[] | undefined } {
  switch (spec.kind) {
    case "rule":
      return { spec, channelAxes: undefined };
    case "choice":
      return resolve(
        spec.patterns.some((pattern) => matches(pattern, variable.name)) ? spec.matching : spec.otherwise,
        variable,
      );
    case "layout": {
      const inner = resolve(spec.spec, variable);
      return { spec: inner.spec, channelAxes: inner.channelAxes ?? axesOf(spec.channelAxis, variable) };
    }
  }
}

/**
 * Checks that every pattern of every choice matches a variable: a pattern that matches none is a mistake that would go unnoticed.
 *
 * @throws Error that names the pattern and the variables.
 */
export function checkPatterns(spec: Spec, names: readonly string[]): void {
  if (spec.kind === "rule") return;
  if (spec.kind === "layout") {
    checkPatterns(spec.spec, names);
    return;
  }
  for (const pattern of spec.patterns) {
    if (!names.some((name) => matches(pattern, name))) {
      throw new Error(
        `${spec.called}: ${typeof pattern === "string" ? JSON.stringify(pattern) : pattern} matches no variable; there are ${names.join(", ")}. Correct the pattern or remove it.`,
      );
    }
  }
  checkPatterns(spec.matching, names);
  checkPatterns(spec.otherwise, names);
}

/** The part of a spec that a checkpoint depends on, as text: rules, slots, and what is learned how; not the values of fixed numbers. */
export function structureOf(spec: Spec): string {
  switch (spec.kind) {
    case "layout":
      return structureOf(spec.spec);
    case "choice":
      return `[${spec.patterns.join(" | ")}] ? ${structureOf(spec.matching)} : ${structureOf(spec.otherwise)}`;
    case "rule": {
      const learned = Object.entries(spec.settings).flatMap(([name, setting]) =>
        isLearned(setting)
          ? [
              `${name}: learned(per ${setting.per ?? spec.rule.hyperparameters[name]?.per}, in ${setting.in}, by ${structureOf(setting.by)})`,
            ]
          : [],
      );
      return `${spec.rule.name}(${learned.join(", ")})`;
    }
  }
}

/** A spec as plain JSON, for people and for `getConfig`: functions appear by name. */
export function describe(spec: Spec): Record<string, unknown> {
  switch (spec.kind) {
    case "layout":
      return describe(spec.spec);
    case "choice":
      return {
        [spec.called]: spec.patterns.map(String),
        matching: describe(spec.matching),
        otherwise: describe(spec.otherwise),
      };
    case "rule":
      return {
        rule: spec.rule.name,
        ...Object.fromEntries(
          Object.entries(spec.settings).map(([name, setting]) => [
            name,
            isLearned(setting)
              ? {
                  learned: setting.init,
                  per: setting.per ?? spec.rule.hyperparameters[name]?.per,
                  in: setting.in,
                  by: describe(setting.by),
                }
              : typeof setting === "function"
                ? "schedule"
                : setting,
          ]),
        ),
      };
  }
}
