/**
 * What can move a learned hyperparameter at all: a derivative that leads from it to the parameter, in the same step or by way of state in later ones. Where there is none, its hyper-gradient is 0 in every step.
 */
import { tangentOf } from "../expression/differentiate.js";
import { constant, type Expr, input, toExpr } from "../expression/expression.js";
import type { Node } from "../expression/node.js";
import { compile, type Program } from "../expression/program.js";
import type { RuleSpec } from "../rule/spec.js";
import { type Draft, draftOf, type LearnedInput } from "./draft.js";
import { planOf } from "./plan.js";
import { stageTangents } from "./stage-plan.js";

/** The smallest horizons with which the parameter depends on a hyperparameter; undefined: with none that it can be learned with. */
export interface Reach {
  /** By way of a step. */
  readonly step: number | undefined;
  /** By way of the state before the first step. */
  readonly start: number | undefined;
}

/**
 * From what horizon on the parameter depends on a learned hyperparameter, all other settings as they are.
 *
 * @param name A hyperparameter of the spec that is learned.
 */
export function reachOf(spec: RuleSpec, name: string): Reach {
  const draft = draftOf(spec, () => "model");
  const hyperparameter = draft.learned.find((each) => each.name === name) as LearnedInput;
  const seeds = new Map([[hyperparameter.leaf, constant(1)]]);
  return {
    step: attempt(() => stepsUntil(draft, hyperparameter, seeds, [])),
    // Most often nobody asks.
    get start() {
      const initial = Object.keys(draft.slots).filter((slot) =>
        depends(toExpr(draft.initial[slot] ?? 0), seeds, hyperparameter.per),
      );
      const steps = attempt(() => stepsUntil(draft, hyperparameter, new Map(), initial));
      // How the initial state depends on it is carried along with a horizon above 1 alone.
      return steps && Math.max(2, steps);
    },
  };
}

/** True where it is at once, as a plan shows. What it does not show, as with a horizon above 1, is false too. */
export function reachesAtOnce(spec: RuleSpec, name: string): boolean {
  const { learned, update } = planOf(spec);
  const plan = learned.find((each) => each.name === name);
  return plan?.learned.horizon === 1 && !isZero(update, plan.held[0].name);
}

/** What f finds; nothing where it would have to look farther than the hyperparameter can be learned at its grain. */
function attempt(f: () => number | undefined): number | undefined {
  try {
    return f();
  } catch {
    return undefined;
  }
}

/**
 * After how many steps the parameter depends on something; undefined: never.
 *
 * @param always What depends on it in every step.
 * @param began The slots that depend on it before the first.
 */
function stepsUntil(
  { spec, leaves, stages, p, slots }: Draft,
  { name, per }: LearnedInput,
  always: ReadonlyMap<Node, Expr>,
  began: readonly string[],
): number | undefined {
  let dependent = began;
  // A way from slot to slot that leads to the parameter need not come by a slot twice.
  for (let step = 1; step <= Object.keys(slots).length + 1; step++) {
    const seeds = new Map(always);
    for (const slot of dependent) seeds.set(leaves[slot] as Expr, input(`${slot}′`, (leaves[slot] as Expr).grain));
    stageTangents(spec, stages, name, per, seeds, leaves);
    if (depends(p, seeds, per)) return step;
    dependent = Object.entries(slots).flatMap(([slot, value]) => (depends(value, seeds, per) ? [slot] : []));
  }
  return undefined;
}

/** Whether y changes with what the seeds change with: its derivative is not 0. */
function depends(y: Expr, seeds: ReadonlyMap<Node, Expr>, per: LearnedInput["per"]): boolean {
  const tangent = tangentOf(y, seeds, per);
  if (tangent === null) return false;
  return !isZero(compile({ tangent }), "tangent");
}

/** Whether an output is the constant 0, once it is simplified. */
function isZero({ instructions, outputs }: Program, output: string): boolean {
  const kind = instructions[outputs.get(output) as number]?.kind;
  return kind?.op === "constant" && kind.value === 0;
}
