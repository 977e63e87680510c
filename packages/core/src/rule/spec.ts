/**
 * Specs: optimizers as plain, frozen data.
 *
 * A spec is a rule with a setting for each of its hyperparameters, or a choice between specs by variable name. It holds no state and
 * touches no tensor; `hyper` brings it to life.
 */

import type { Expr, Operand } from "../expression/expression.js";
import type { Grain } from "../expression/grain.js";
import type { CoordinateName } from "./domain.js";
import type { Rule } from "./rule.js";
import type { Schedule } from "./schedule.js";
import type { ChannelAxis, VariablePattern } from "./variable.js";

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
  /** Whether the hyper-gradient is divided by the norms of what it is the product of. */
  readonly normalise: boolean;
  /** The largest size of a hyper-gradient; Infinity: any. */
  readonly clip: number;
  /** The largest relative change in one step; Infinity: any. */
  readonly maxChange: number;
  /** Steps before learning begins. */
  readonly warmup: number;
  /** How many steps the hyper-gradient looks back, at most. */
  readonly horizon: number;
  /** What every step leaves of how earlier steps still act. */
  readonly decay: number;
}

/** What a hyperparameter can be: a number, a schedule, or learned. */
export type Setting = number | Schedule | Learned;

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

/** True for what `learned` returns. */
export function isLearned(x: unknown): x is Learned {
  return typeof x === "object" && x !== null && (x as Learned).kind === "learned";
}

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
