/**
 * Plans: everything that can be worked out from a rule and its settings before a tensor is seen.
 *
 * A plan holds the programs of one step: the new parameter and state, the sensitivity ∂θ′/∂h of the parameter to every learned
 * hyperparameter h, and the hyper-gradient ⟨g′, ∂θ′/∂h⟩ that contracts it with the next gradient at the grain of h.
 */

import { differentiate, GrainError } from "./differentiate.js";
import { type Coordinate, coordinates, type Domain, reachable } from "./domain.js";
import { clamp, constant, type Expr, input, type Operand, reduceSum, select, toExpr } from "./expression.js";
import { probeOf } from "./finite.js";
import { finer, type Grain, grains } from "./grain.js";
import { isLearned, type Learned } from "./learned.js";
import { compile, type Program } from "./program.js";
import type { Hyperparameter } from "./rule.js";
import type { RuleSpec } from "./spec.js";

/** A learned hyperparameter of a plan. */
export interface LearnedHyperparameter {
  readonly name: string;
  /** The inputs and outputs of programs that belong to it. */
  readonly inputs: { readonly raw: string; readonly sensitivity: string };
  readonly outputs: { readonly gradient: string; readonly sensitivity: string; readonly written: string };
  readonly learned: Learned;
  readonly per: Grain;
  readonly coordinate: Coordinate;
  readonly domain: Domain;
  /**
   * From the number `raw` that the learner proposes, and the raw number `before` and the `value` so far: the hyperparameter `value`, inside its domain,
   * and `raw` moved along where that clipped it. Both are as they were where the learner went to NaN or infinity.
   */
  readonly lift: Program;
  /** From `raw`, `value` and the value `written` by the rule: both as the rule wants them. Undefined where the rule writes nothing back. */
  readonly writeBack: Program | undefined;
  /** The learner's gradient transform, from `d` to `d`; undefined where there is none. */
  readonly transform: Program | undefined;
}

/** What a step needs to know of a rule and its settings. */
export interface Plan {
  readonly spec: RuleSpec;
  readonly learned: readonly LearnedHyperparameter[];
  /** The slots that the update changes; the others keep what they were initialised with. */
  readonly changing: readonly string[];
  /** Initial values of the slots that are not given from outside. */
  readonly init: Program;
  /** From p, g, t, slots and hyperparameters: p, the changing slots, `<h>.sensitivity` and `<h>.written`. */
  readonly update: Program;
  /** From g and `<h>.sensitivity`: `<h>.gradient`, and the probe of g as `probed`, in one pass over g. Undefined where nothing is learned. */
  readonly contract: Program | undefined;
}

/** The largest float32: a learned value stays finite on every executor. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/** h moved to where it may be. */
function bounded(h: Expr, [low, high]: readonly [number, number]): Expr {
  return clamp(h, Math.max(low, -largest), Math.min(high, largest));
}

/** The same; `otherwise` where h is not finite. */
function kept(h: Expr, bounds: readonly [number, number], otherwise: Expr): Expr {
  return select(h.sub(h).equal(0), bounded(h, bounds), otherwise);
}

function liftProgram(coordinate: Coordinate, domain: Domain): Program {
  const [raw, before, value] = [input("raw", "element"), input("before", "element"), input("value", "element")];
  const bounds = reachable(domain, coordinate);
  if (coordinate.name === "identity") {
    return compile({ raw: kept(raw, bounds, before), value: kept(raw, bounds, before) });
  }
  const free = toExpr(coordinate.forward(raw));
  const fresh = bounded(free, bounds);
  // A learner that did not move leaves the value as it is, to the last bit: φ(φ⁻¹(h)) is h only up to rounding.
  const follow = (moved: Expr, stay: Expr): Expr =>
    select(raw.sub(raw).equal(0), select(raw.equal(before), stay, moved), stay);
  return compile({ raw: follow(movedRaw(coordinate, raw, free, fresh), before), value: follow(fresh, value) });
}

function writeBackProgram(coordinate: Coordinate, domain: Domain): Program {
  const [raw, value] = [input("raw", "element"), input("value", "element")];
  const written = kept(input("written", "element"), reachable(domain, coordinate), value);
  return compile({ raw: movedRaw(coordinate, raw, value, written), value: written });
}

/** The raw number for `value`, and exactly `raw` where `value` is still what `raw` gives. */
function movedRaw(coordinate: Coordinate, raw: Expr, before: Expr, value: Expr): Expr {
  return coordinate.name === "identity" ? value : select(value.equal(before), raw, coordinate.inverse(value));
}

function learnedHyperparameter(
  name: string,
  learned: Learned,
  per: Grain,
  { domain }: Hyperparameter,
  written: Operand | undefined,
): LearnedHyperparameter {
  const coordinate = coordinates[learned.in];
  return {
    name,
    inputs: { raw: `${name}.raw`, sensitivity: `${name}.sensitivity` },
    outputs: { gradient: `${name}.gradient`, sensitivity: `${name}.sensitivity`, written: `${name}.written` },
    learned,
    per,
    coordinate,
    domain,
    lift: liftProgram(coordinate, domain),
    writeBack: written === undefined ? undefined : writeBackProgram(coordinate, domain),
    transform: learned.gradient
      ? compile({ d: toExpr(learned.gradient(input("d", "element")), "learned: what gradient returns") })
      : undefined,
  };
}

/**
 * The plan of a rule with its settings.
 *
 * @throws Error where a learned hyperparameter's grain makes its sensitivity non-diagonal, or where the rule returns something that it must not.
 */
export function planOf(spec: RuleSpec): Plan {
  const { rule, settings } = spec;
  const leaves: Record<string, Expr> = { p: input("p", "element"), g: input("g", "element"), t: input("t", "model") };
  if (rule.propose) leaves.proposed = input("proposed", "element");
  for (const [name, { grain }] of Object.entries(rule.state)) leaves[name] = input(name, grain);
  const hypers = Object.entries(rule.hyperparameters).map(([name, type]) => {
    const setting = settings[name] as RuleSpec["settings"][string];
    const per = isLearned(setting) ? (setting.per ?? type.per) : "model";
    leaves[name] = typeof setting === "number" ? constant(setting) : input(name, per);
    return { name, type, setting, per };
  });

  const result = rule.update(leaves);
  checkResult(spec, result);

  const outputs: Record<string, Operand> = { p: result.p as Operand };
  const changing = Object.keys(rule.state).filter((name) => result[name] !== leaves[name]);
  for (const name of changing) outputs[name] = result[name] as Operand;

  const contractions: Record<string, Operand> = {};
  const learned: LearnedHyperparameter[] = [];
  for (const { name, type, setting, per } of hypers) {
    if (!isLearned(setting)) continue;
    const leaf = leaves[name] as Expr;
    // What is constrained at a finer grain than the hyperparameter's own holds for this step only: there is nowhere to store it.
    const constrained = result[name];
    const written = constrained === undefined || finer(toExpr(constrained).grain, per) ? undefined : constrained;
    const hyperparameter = learnedHyperparameter(name, setting, per, type, written);
    learned.push(hyperparameter);
    const { inputs, outputs: own } = hyperparameter;
    const slope = toExpr(hyperparameter.coordinate.slope(input(inputs.raw, per), leaf));
    outputs[own.sensitivity] = diagonal(spec, name, () => differentiate(toExpr(outputs.p as Operand), leaf)).mul(slope);
    if (written !== undefined) outputs[own.written] = written;
    const product = (leaves.g as Expr).mul(input(inputs.sensitivity, "element"));
    contractions[own.gradient] =
      per === "element" ? product : reduceSum(product, "element", per === "channel" ? "channel" : "tensor");
  }

  const initial: Record<string, Operand> = {};
  for (const [name, { init }] of Object.entries(rule.state)) {
    if (typeof init === "number") initial[name] = init;
    else if (typeof init === "function") initial[name] = init(leaves);
  }
  return {
    spec,
    learned,
    changing,
    init: compile(initial, `${rule.name}: init`),
    update: compile(outputs, `${rule.name}: update`),
    contract:
      learned.length > 0 ? compile({ ...contractions, ...probeOf("g") }, `${rule.name}: hyper-gradients`) : undefined,
  };
}

function checkResult({ rule }: RuleSpec, result: Readonly<Record<string, Operand | undefined>>): void {
  const missing = ["p", ...Object.keys(rule.state)].filter((name) => result[name] === undefined);
  if (missing.length > 0) {
    throw new Error(
      `rule "${rule.name}": update returns no ${missing.join(", no ")}; expected p and every state slot.`,
    );
  }
  for (const name of Object.keys(result)) {
    if (name !== "p" && !(name in rule.state) && !(name in rule.hyperparameters)) {
      throw new Error(
        `rule "${rule.name}": update returns "${name}", which is neither p nor a state slot nor a hyperparameter.`,
      );
    }
  }
  toExpr(result.p as Operand, `rule "${rule.name}": the new p`);
  for (const [name, { grain }] of Object.entries(rule.state)) {
    const given = toExpr(result[name] as Operand, `rule "${rule.name}": the new value of "${name}"`).grain;
    if (finer(given, grain)) {
      throw new Error(
        `rule "${rule.name}": the state slot "${name}" has one value per ${grain}, but update returns one per ${given} for it. Declare it as slot("${given}", …), or reduce.`,
      );
    }
  }
}

function diagonal<T>(spec: RuleSpec, name: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    if (!(error instanceof GrainError)) throw error;
    throw new Error(
      `${spec.rule.name}: ${name} cannot be learned per ${error.grain}. ${error.message} Learn it per ${finestDiagonal(spec, name, error.grain)} or coarser.`,
      { cause: error },
    );
  }
}

/** The finest of the grains coarser than `per` at which the hyperparameter can be learned. */
function finestDiagonal(spec: RuleSpec, name: string, per: Grain): Grain {
  const alone = Object.entries(spec.settings).map(([of, setting]) => [of, isLearned(setting) ? setting.init : setting]);
  const works = (grain: Grain): boolean => {
    const setting = { ...(spec.settings[name] as Learned), per: grain };
    try {
      planOf({ ...spec, settings: { ...Object.fromEntries(alone), [name]: setting } });
      return true;
    } catch {
      return false;
    }
  };
  return [...grains].reverse().find((grain) => finer(per, grain) && works(grain)) ?? "model";
}
