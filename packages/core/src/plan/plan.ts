/**
 * Plans: everything that can be worked out from a rule and its settings before a tensor is seen.
 *
 * A plan holds the programs of one step: the stages, the new parameter and state, the sensitivity ∂θ′/∂h of the parameter to every
 * learned hyperparameter h, and the hyper-gradient ⟨g′, ∂θ′/∂h⟩ that contracts it with the next gradient at the grain of h.
 */

import { probeOf } from "../executors/finite.js";
import { GrainError, tangentOf } from "../expression/differentiate.js";
import { constant, type Expr, input, type Operand, reduceSum, toExpr } from "../expression/expression.js";
import { finer, type Grain, grains } from "../expression/grain.js";
import type { Node } from "../expression/node.js";
import { compile, type Program } from "../expression/program.js";
import type { RuleSpec } from "../rule/spec.js";
import { isLearned, type Learned } from "../rule/spec.js";
import type { Operator } from "../rule/stage.js";
import { knobPlan, type LearnedHyperparameter } from "./knob-plan.js";
import { type PlannedStage, planStages, type Round, stageTangents, tooFine } from "./stage-plan.js";

/** What a step needs to know of a rule and its settings. */
export interface Plan {
  readonly spec: RuleSpec;
  readonly learned: readonly LearnedHyperparameter[];
  /** The slots that the update changes; the others keep what they were initialised with. */
  readonly changing: readonly string[];
  /** True where a step changes nothing at all. */
  readonly still: boolean;
  /** Initial values of the slots that are not given from outside. */
  readonly init: Program;
  /** How those depend on the hyperparameters for which that is carried along, by the names that held sensitivities have in programs. */
  readonly initHeld: Program | undefined;
  /** The stages, in rounds: each needs only the results of those before it. */
  readonly rounds: readonly Round[];
  /** The operators among the stages, by name. */
  readonly operators: ReadonlyMap<string, Operator>;
  /** From p, g, t, slots, hyperparameters and stages: p, the changing slots, held sensitivities and `<h>.written`. */
  readonly update: Program;
  /** True where `contract` reads more than gradient and sensitivities: p, t, slots and hyperparameters. */
  readonly penalised: boolean;
  /** From g and the sensitivities of p: the parts of hyper-gradients, and the probe of g as `probed`, in one pass over g. Undefined where nothing is learned. */
  readonly contract: Program | undefined;
  /** The same for the gradient of another loss: without what the rule's own objective adds to it. */
  readonly contractHeldOut: Program | undefined;
  /** From p, t, slots and hyperparameters: what to evaluate the model with, as `p`. Undefined: p. */
  readonly evaluation: Program | undefined;
}

/** How a step changes with one learned hyperparameter. */
interface Sensitivity {
  readonly stages: ReadonlyMap<string, Readonly<Record<string, Expr>>>;
  readonly p: Expr;
  readonly slots: Readonly<Record<string, Expr>>;
}

/** Specs are frozen, and plans change no more once they are made: optimizers that are built from one spec share its plan. */
const plans = new WeakMap<RuleSpec, Plan>();

/**
 * The plan of a rule with its settings.
 *
 * @throws Error where a learned hyperparameter's grain makes its sensitivity non-diagonal, or where the rule returns something that it must not.
 */
export function planOf(spec: RuleSpec): Plan {
  const known = plans.get(spec) ?? planned(spec);
  plans.set(spec, known);
  return known;
}

function planned(spec: RuleSpec): Plan {
  const { rule, settings } = spec;
  const leaves: Record<string, Expr> = { p: input("p", "element"), g: input("g", "element"), t: input("t", "model") };
  for (const [name, { grain }] of Object.entries(rule.state)) leaves[name] = input(name, grain);
  const hypers = Object.entries(rule.hyperparameters).map(([name, type]) => {
    const setting = settings[name] as RuleSpec["settings"][string];
    const per = isLearned(setting) ? (setting.per ?? type.per) : "model";
    leaves[name] = typeof setting === "number" ? constant(setting) : input(name, per);
    return { name, type, setting, per };
  });
  const stages = planStages(spec, leaves, finestDiagonal);

  const result = rule.update(leaves);
  checkResult(spec, result);

  const outputs: Record<string, Operand> = { p: result.p as Operand };
  const changing = Object.keys(rule.state).filter((name) => result[name] !== leaves[name]);
  for (const name of changing) outputs[name] = result[name] as Operand;
  const fresh = Object.fromEntries(Object.keys(rule.state).map((name) => [name, toExpr(result[name] as Operand)]));
  const initial: Record<string, Operand> = {};
  for (const [name, { init }] of Object.entries(rule.state)) {
    if (typeof init === "number") initial[name] = init;
    else if (typeof init === "function") {
      initial[name] = toExpr(init(leaves), `rule "${rule.name}": the initial value of "${name}"`);
      checkSlot(spec, name, initial[name] as Expr, "init");
    }
  }

  const objective = rule.objective ? toExpr(rule.objective(leaves)) : (leaves.g as Expr);
  const contractions: ((g: Expr) => Record<string, Operand>)[] = [];
  const learned: LearnedHyperparameter[] = [];
  for (const { name, type, setting, per } of hypers) {
    if (!isLearned(setting)) continue;
    // What is constrained at a finer grain than the hyperparameter's own holds for this step only: there is nowhere to store it.
    const constrained = result[name];
    const written = constrained === undefined || finer(toExpr(constrained).grain, per) ? undefined : constrained;
    const leaf = leaves[name] as Expr;
    const sensitive = (carried: readonly string[]): Sensitivity & { knob: LearnedHyperparameter } => {
      const knob = knobPlan(name, setting, per, type, carried, written);
      return { knob, ...sensitivityOf(spec, knob, leaves, leaf, stages, toExpr(result.p as Operand), fresh) };
    };
    // A slot is carried where it depends on the hyperparameter: from the start, or by way of the parameter and of the slots found so far.
    const slopeOfInit = (slot: string): Expr | null =>
      diagonal(spec, name, () => tangentOf(toExpr(initial[slot] ?? 0), new Map([[leaf, constant(1)]]), per));
    let carried = setting.horizon === 1 ? [] : Object.keys(rule.state).filter((slot) => slopeOfInit(slot));
    let { knob, ...sensitivity } = sensitive(carried);
    for (;;) {
      const more = Object.keys(rule.state).filter((slot) => carried.includes(slot) || slot in sensitivity.slots);
      if (more.length === carried.length) break;
      carried = more;
      ({ knob, ...sensitivity } = sensitive(carried));
    }
    learned.push(knob);
    for (const stage of stages) stage.addTangents(name, sensitivity.stages.get(stage.name) ?? {});
    const [own, ...ofSlots] = knob.held;
    outputs[own.name] = sensitivity.p;
    for (const { key, name: output } of ofSlots) outputs[output] = sensitivity.slots[slotOf(knob, key)] ?? 0;
    if (written !== undefined) outputs[knob.outputs.written] = written;
    const held = input(own.name, "element");
    const gathered = (x: Expr): Operand =>
      per === "element" ? x : reduceSum(x, "element", per === "channel" ? "channel" : "tensor");
    const factors: Readonly<Record<string, (g: Expr) => Expr>> = {
      d: (g) => g.mul(held),
      gg: (g) => g.square(),
      ss: () => held.square(),
    };
    contractions.push((g) =>
      Object.fromEntries(
        knob.parts.map(([part, output]) => [output, gathered((factors[part] as (g: Expr) => Expr)(g))]),
      ),
    );
  }

  const initHeld: Record<string, Operand> = {};
  for (const knob of learned) {
    const leaf = leaves[knob.name] as Expr;
    const slope = toExpr(knob.coordinate.slope(input(knob.inputs.raw, knob.per), leaf));
    for (const { key, name } of knob.held.slice(1)) {
      const init = initial[slotOf(knob, key)];
      const tangent = init === undefined ? null : tangentOf(toExpr(init), new Map([[leaf, slope]]), knob.per);
      if (tangent) initHeld[name] = tangent;
    }
  }
  const contraction = (g: Expr): Program =>
    compile(Object.assign({}, ...contractions.map((parts) => parts(g)), probeOf("g")), `${rule.name}: hyper-gradients`);
  const contract = learned.length > 0 ? contraction(objective) : undefined;
  const evaluation = rule.evaluation?.(leaves);
  return {
    spec,
    learned,
    changing,
    still: result.p === leaves.p && changing.length === 0 && learned.length === 0,
    init: compile(initial, `${rule.name}: init`),
    initHeld: Object.keys(initHeld).length > 0 ? compile(initHeld, `${rule.name}: init`) : undefined,
    rounds: roundsOf(spec, stages),
    operators: new Map(stages.flatMap(({ name, stage }) => (stage.kind === "operator" ? [[name, stage]] : []))),
    update: compile(outputs, `${rule.name}: update`),
    penalised: rule.objective !== undefined,
    contract,
    contractHeldOut: contract && (rule.objective ? contraction(leaves.g as Expr) : contract),
    evaluation: evaluation === undefined ? undefined : compile({ p: evaluation }, `${rule.name}: evaluation`),
  };
}

/** The state slot whose sensitivity is held under this key. */
const slotOf = ({ name }: LearnedHyperparameter, key: string): string => key.slice(name.length + 1);

/**
 * How the stages, the new parameter and the new state change with a learned hyperparameter: in this step alone, or with what `carry` leaves
 * of the steps before.
 */
function sensitivityOf(
  spec: RuleSpec,
  knob: LearnedHyperparameter,
  leaves: Readonly<Record<string, Expr>>,
  leaf: Expr,
  stages: readonly PlannedStage[],
  p: Expr,
  fresh: Readonly<Record<string, Expr>>,
): Sensitivity {
  const { name, per, held, inputs, coordinate, learned } = knob;
  const slope = toExpr(coordinate.slope(input(inputs.raw, per), leaf));
  const seeds = new Map<Node, Expr>([[leaf, constant(1)]]);
  const carries = learned.horizon > 1;
  if (carries) {
    const carry = input(inputs.carry, "model");
    const [own, ...slots] = held;
    seeds.set(leaf, slope);
    seeds.set(leaves.p as Expr, input(own.name, "element").mul(carry));
    for (const { key, name: held } of slots) {
      const slot = leaves[slotOf(knob, key)] as Expr;
      seeds.set(slot, input(held, slot.grain).mul(carry));
    }
  }
  return diagonal(spec, name, () => {
    const tangents = stageTangents(spec, stages, name, per, seeds, leaves);
    const moved = tangentOf(p, seeds, per) ?? constant(0);
    const slots: Record<string, Expr> = {};
    for (const [slot, value] of carries ? Object.entries(fresh) : []) {
      const tangent = tangentOf(value, seeds, per);
      if (tangent) slots[slot] = tangent;
    }
    return { stages: tangents, p: carries ? moved : moved.mul(slope), slots };
  });
}

function roundsOf({ rule }: RuleSpec, stages: readonly PlannedStage[]): Round[] {
  const last = Math.max(-1, ...stages.map((stage) => stage.round));
  return Array.from({ length: last + 1 }, (_, round) => {
    const now = stages.filter((stage) => stage.round === round);
    return {
      program: compile(Object.assign({}, ...now.map(({ outputs }) => outputs)), `${rule.name}: stage ${round + 1}`),
      stages: now,
    };
  });
}

function checkResult(spec: RuleSpec, result: Readonly<Record<string, Operand | undefined>>): void {
  const { rule } = spec;
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
  for (const name of Object.keys(rule.state)) {
    checkSlot(spec, name, toExpr(result[name] as Operand, `rule "${rule.name}": the new value of "${name}"`), "update");
  }
}

function checkSlot(spec: RuleSpec, name: string, value: Expr, where: string): void {
  const { grain } = spec.rule.state[name] as RuleSpec["rule"]["state"][string];
  if (!finer(value.grain, grain)) return;
  const why = tooFine(spec, value, `The state slot "${name}"`, grain, finestDiagonal);
  throw new Error(
    why ??
      `rule "${spec.rule.name}": the state slot "${name}" has one value per ${grain}, but ${where} returns one per ${value.grain} for it. Declare it as slot("${value.grain}", …), or reduce.`,
  );
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

/**
 * A total that several rules have in common passes on to each how it changes with what is learned in one: they must all learn it.
 *
 * @throws Error where one does not.
 */
export function checkTotals(plans: readonly Plan[]): void {
  const stagesOf = (plan: Plan) => plan.rounds.flatMap(({ stages }) => stages);
  for (const plan of plans) {
    for (const { name, over, tangents } of stagesOf(plan)) {
      for (const { name: hyperparameter, learned } of plan.learned) {
        if (!tangents.has(hyperparameter)) continue;
        const other = plans.find(
          (each) =>
            stagesOf(each).some((stage) => stage.over === over) &&
            !each.learned.some((its) => its.name === hyperparameter && its.learned === learned),
        );
        if (!other) continue;
        throw new Error(
          `${plan.spec.rule.name}: ${hyperparameter} cannot be learned with a horizon above 1 here. "${name}" adds up over the variables of ${other.spec.rule.name} as well, which come to depend on it but do not learn it. Give both the same learned object, or leave horizon out.`,
        );
      }
    }
  }
}
