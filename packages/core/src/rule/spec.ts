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

/** Which variables, by name: a regular expression that the name matches, or a string that is the name or its leading path ("head" is head/kernel). */
export type NamePattern = string | RegExp;

/** Which variables: by name, or all for which a function of name and shape returns true. */
export type VariablePattern = NamePattern | ((variable: VariableInfo) => boolean);

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

/** A choice by variable: what matches a pattern takes `matching`, everything else `otherwise`. */
export interface ChoiceSpec {
  /** Tells it from the other specs. */
  readonly kind: "choice";
  /** Of names, or functions of variables. */
  readonly patterns: readonly VariablePattern[];
  /** The argument that the patterns came from, for error messages. */
  readonly called: string;
  /** For variables that match a pattern. */
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

/** A spec whose gradients are accumulated over several steps. */
export interface AccumulateSpec {
  /** Tells it from the other specs. */
  readonly kind: "accumulate";
  /** How many gradients make one step. */
  readonly steps: number;
  /** The optimizer. */
  readonly spec: Spec;
}

/** An optimizer as data. */
export type Spec = RuleSpec | ChoiceSpec | LayoutSpec | AccumulateSpec;

/** True for what `rule`, `ftp`, … return. */
function isSpec(x: unknown): x is Spec {
  return typeof x === "object" && x !== null && ["rule", "choice", "layout", "accumulate"].includes((x as Spec).kind);
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
 * A choice by variable: those that match one of the patterns take `matching`, all others `otherwise`.
 *
 * @param called The argument that the patterns came from, for error messages.
 */
export function choice(patterns: readonly VariablePattern[], called: string, matching: Spec, otherwise: Spec): Spec {
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
    case "accumulate":
      return ruleSpecsOf(spec.spec);
  }
}

/** True where a spec accumulates the gradients of some variables. */
export function accumulates(spec: Spec): boolean {
  switch (spec.kind) {
    case "rule":
      return false;
    case "accumulate":
      return true;
    case "layout":
      return accumulates(spec.spec);
    case "choice":
      return accumulates(spec.matching) || accumulates(spec.otherwise);
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
    case "accumulate":
      return Object.freeze({ ...spec, spec: mapRuleSpecs(spec.spec, f) });
  }
}

/** True where the variable matches the pattern. */
function matches(pattern: VariablePattern, variable: VariableInfo): boolean {
  const { name } = variable;
  if (typeof pattern === "function") return pattern(variable);
  // A sticky or global expression keeps a position between calls; a copy without one always looks at the whole name.
  if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(name);
  return name === pattern || name.startsWith(`${pattern}/`);
}

function axesOf(channelAxis: ChannelAxis, variable: VariableInfo): readonly number[] | undefined {
  const axes = typeof channelAxis === "function" ? channelAxis(variable) : channelAxis[variable.name];
  return typeof axes === "number" ? [axes] : axes;
}

/** What a spec is for one variable. */
export interface Resolved {
  /** Its rule. */
  readonly spec: RuleSpec;
  /** The channel axes that the innermost layout around the rule gives. */
  readonly channelAxes: readonly number[] | undefined;
  /** How many gradients make one step: one in another multiplies. */
  readonly steps: number;
}

/** What a spec is for one variable. */
export function resolve(spec: Spec, variable: VariableInfo): Resolved {
  switch (spec.kind) {
    case "rule":
      return { spec, channelAxes: undefined, steps: 1 };
    case "choice":
      return resolve(
        spec.patterns.some((pattern) => matches(pattern, variable)) ? spec.matching : spec.otherwise,
        variable,
      );
    case "layout": {
      const inner = resolve(spec.spec, variable);
      return { ...inner, channelAxes: inner.channelAxes ?? axesOf(spec.channelAxis, variable) };
    }
    case "accumulate": {
      const inner = resolve(spec.spec, variable);
      return { ...inner, steps: inner.steps * spec.steps };
    }
  }
}

/**
 * Checks that every pattern of every choice matches a variable: a pattern that matches none is a mistake that would go unnoticed.
 *
 * @throws Error that names the pattern and the variables.
 */
export function checkPatterns(spec: Spec, variables: readonly VariableInfo[]): void {
  switch (spec.kind) {
    case "rule":
      return;
    case "layout":
    case "accumulate":
      checkPatterns(spec.spec, variables);
      return;
  }
  for (const pattern of spec.patterns) {
    if (!variables.some((variable) => matches(pattern, variable))) {
      const names = variables.map(({ name }) => name).join(", ");
      throw new Error(
        `${spec.called}: ${shownPattern(pattern)} matches no variable; there are ${names}. Correct the pattern or remove it.`,
      );
    }
  }
  checkPatterns(spec.matching, variables);
  checkPatterns(spec.otherwise, variables);
}

/** A pattern, for messages. */
export function shownPattern(pattern: VariablePattern): string {
  if (typeof pattern === "function") return `the function ${pattern.name || "without a name"}`;
  return typeof pattern === "string" ? JSON.stringify(pattern) : String(pattern);
}
