/**
 * Plans: everything that can be worked out from a rule and its settings before a tensor is seen.
 *
 * A plan holds the programs of one step: the stages, the new parameter and state, the sensitivity ∂θ′/∂h of the parameter to every
 * learned hyperparameter h, and the hyper-gradient ⟨g′, ∂θ′/∂h⟩ that contracts it with the next gradient at the grain of h.
 */

import { probeOf } from "../executors/finite.js";
import { tangentOf } from "../expression/differentiate.js";
import { type Expr, input, type Operand, reduceSum, toExpr } from "../expression/expression.js";
import { finer, type Grain, grains } from "../expression/grain.js";
import { readingConditions } from "../expression/node.js";
import { compile, type Program } from "../expression/program.js";
import { isLearned, type Learned, type RuleSpec } from "../rule/spec.js";
import type { Operator } from "../rule/stage.js";
import { type Draft, draftOf, type LearnedInput } from "./draft.js";
import type { LearnedHyperparameter } from "./knob-plan.js";
import { type Sensitivity, sensitivityTo, slotOf, writtenBack } from "./sensitivity.js";
import type { PlannedStage, Round } from "./stage-plan.js";

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
  const { rule } = spec;
  const draft = draftOf(spec, finestDiagonal);
  const { leaves, stages, changing, initial } = draft;
  const sensitivities = draft.learned.map((hyperparameter) => sensitivityTo(draft, hyperparameter, finestDiagonal));
  const learned = sensitivities.map(({ knob }) => knob);
  for (const { knob, stages: tangents } of sensitivities) {
    for (const stage of stages) stage.addTangents(knob.name, tangents.get(stage.name) ?? {});
  }
  const written = <T>(what: string, run: () => T): T => readingConditions(`rule "${rule.name}": ${what}`, run);
  const objective = written("objective", () => (rule.objective ? toExpr(rule.objective(leaves)) : (leaves.g as Expr)));
  const contract = learned.length > 0 ? contraction(rule.name, learned, objective) : undefined;
  const initHeld = heldAtFirst(draft, learned);
  const evaluation = written("evaluation", () => rule.evaluation?.(leaves));
  return {
    spec,
    learned,
    changing,
    still: draft.p === leaves.p && changing.length === 0 && learned.length === 0,
    init: compile(initial, `${rule.name}: init`),
    initHeld: Object.keys(initHeld).length > 0 ? compile(initHeld, `${rule.name}: init`) : undefined,
    rounds: roundsOf(spec, stages),
    operators: new Map(stages.flatMap(({ name, stage }) => (stage.kind === "operator" ? [[name, stage]] : []))),
    update: compile(updateOf(draft, sensitivities), `${rule.name}: update`),
    penalised: rule.objective !== undefined,
    contract,
    contractHeldOut: contract && (rule.objective ? contraction(rule.name, learned, leaves.g as Expr) : contract),
    evaluation: evaluation === undefined ? undefined : compile({ p: evaluation }, `${rule.name}: evaluation`),
  };
}

/** What a step computes: the new parameter and state, the sensitivities that are held, and what is written back. */
function updateOf(draft: Draft, sensitivities: readonly Sensitivity[]): Record<string, Operand> {
  const outputs: Record<string, Operand> = { p: draft.p };
  for (const name of draft.changing) outputs[name] = draft.slots[name] as Expr;
  sensitivities.forEach(({ knob, p, slots }, i) => {
    const [own, ...carried] = knob.held;
    outputs[own.name] = p;
    for (const { key, name } of carried) outputs[name] = slots[slotOf(knob, key)] ?? 0;
    const written = writtenBack(draft, draft.learned[i] as LearnedInput);
    if (written !== undefined) outputs[knob.outputs.written] = written;
  });
  return outputs;
}

/** How the initial values of the slots that are carried along depend on what is learned, by the names that held sensitivities have. */
function heldAtFirst({ leaves, initial }: Draft, learned: readonly LearnedHyperparameter[]): Record<string, Operand> {
  const outputs: Record<string, Operand> = {};
  for (const knob of learned) {
    const leaf = leaves[knob.name] as Expr;
    const slope = toExpr(knob.coordinate.slope(input(knob.inputs.raw, knob.per), leaf));
    for (const { key, name } of knob.held.slice(1)) {
      const init = initial[slotOf(knob, key)];
      const tangent = init === undefined ? null : tangentOf(toExpr(init), new Map([[leaf, slope]]), knob.per);
      if (tangent) outputs[name] = tangent;
    }
  }
  return outputs;
}

/** The hyper-gradients ⟨g, ∂θ/∂h⟩ of all that is learned, in their parts, and the probe of the gradient. */
function contraction(rule: string, learned: readonly LearnedHyperparameter[], g: Expr): Program {
  const outputs: Record<string, Operand> = {};
  for (const { per, parts, held } of learned) {
    const sensitivity = input(held[0].name, "element");
    const factors: Readonly<Record<string, () => Expr>> = {
      d: () => g.mul(sensitivity),
      gg: () => g.square(),
      ss: () => sensitivity.square(),
    };
    for (const [part, output] of parts) {
      const product = (factors[part] as () => Expr)();
      outputs[output] =
        per === "element" ? product : reduceSum(product, "element", per === "channel" ? "channel" : "tensor");
    }
  }
  return compile({ ...outputs, ...probeOf("g") }, `${rule}: hyper-gradients`);
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
