/**
 * Sensitivities: how one step changes with a learned hyperparameter, and what of that has to be carried from one step to the next.
 */
import { GrainError, tangentOf } from "../expression/differentiate.js";
import { constant, type Expr, input, type Operand, toExpr } from "../expression/expression.js";
import { finer } from "../expression/grain.js";
import type { Node } from "../expression/node.js";
import type { RuleSpec } from "../rule/spec.js";
import type { Draft, LearnedInput } from "./draft.js";
import { knobPlan, type LearnedHyperparameter } from "./knob-plan.js";
import { type FinestOf, stageTangents } from "./stage-plan.js";

/** How a step changes with one learned hyperparameter. */
export interface Sensitivity {
  readonly knob: LearnedHyperparameter;
  readonly stages: ReadonlyMap<string, Readonly<Record<string, Expr>>>;
  readonly p: Expr;
  readonly slots: Readonly<Record<string, Expr>>;
}

/**
 * The sensitivity of a step to a learned hyperparameter. With a horizon above 1, the state slots that depend on it are carried along: from the start, or by way of the parameter and of
 * the slots found so far.
 *
 * @throws Error where the hyperparameter's grain makes the sensitivity a matrix.
 */
export function sensitivityTo(draft: Draft, hyperparameter: LearnedInput, finestOf: FinestOf): Sensitivity {
  const { name, learned, per, leaf, type } = hyperparameter;
  const written = writtenBack(draft, hyperparameter);
  const all = Object.keys(draft.slots);
  const startsWith = (slot: string): boolean =>
    diagonal(draft.spec, name, finestOf, () =>
      tangentOf(toExpr(draft.initial[slot] ?? 0), new Map([[leaf, constant(1)]]), per),
    ) !== null;
  let carried = learned.horizon === 1 ? [] : all.filter(startsWith);
  for (;;) {
    const knob = knobPlan(name, learned, per, type, carried, written);
    const sensitivity = sensitivityOf(draft, knob, leaf, finestOf);
    const more = all.filter((slot) => carried.includes(slot) || slot in sensitivity.slots);
    if (more.length === carried.length) return sensitivity;
    carried = more;
  }
}

/** What the rule writes back of a hyperparameter. What is constrained at a finer grain than the hyperparameter's own holds for this step only: there is nowhere to store it. */
export function writtenBack({ constrained }: Draft, { name, per }: LearnedInput): Operand | undefined {
  const value = constrained[name];
  return value === undefined || finer(toExpr(value).grain, per) ? undefined : value;
}

/** The state slot whose sensitivity is held under this key. */
export const slotOf = ({ name }: LearnedHyperparameter, key: string): string => key.slice(name.length + 1);

/**
 * How the stages, the new parameter and the new state change with a learned hyperparameter: in this step alone, or with what `carry` leaves
 * of the steps before.
 */
function sensitivityOf(
  { spec, leaves, stages, p, slots: fresh }: Draft,
  knob: LearnedHyperparameter,
  leaf: Expr,
  finestOf: FinestOf,
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
  return diagonal(spec, name, finestOf, () => {
    const tangents = stageTangents(spec, stages, name, per, seeds, leaves);
    const moved = tangentOf(p, seeds, per) ?? constant(0);
    const slots: Record<string, Expr> = {};
    for (const [slot, value] of carries ? Object.entries(fresh) : []) {
      const tangent = tangentOf(value, seeds, per);
      if (tangent) slots[slot] = tangent;
    }
    return { knob, stages: tangents, p: carries ? moved : moved.mul(slope), slots };
  });
}

/** What f returns; where it meets a sensitivity that is a matrix, an error that says at which grain there is none. */
function diagonal<T>(spec: RuleSpec, name: string, finestOf: FinestOf, f: () => T): T {
  try {
    return f();
  } catch (error) {
    if (!(error instanceof GrainError)) throw error;
    throw new Error(
      `${spec.rule.name}: ${name} cannot be learned per ${error.grain}. ${error.message} Learn it per ${finestOf(spec, name, error.grain)} or coarser.`,
      { cause: error },
    );
  }
}
