/**
 * Cells: what a level remembers of each of its variables.
 */
import type { Executor, Numbers, Value } from "../executors/executor.js";
import { type Layout, sameShape } from "../expression/layout.js";
import type { LearnedHyperparameter } from "../plan/knob-plan.js";
import type { Plan } from "../plan/plan.js";
import type { GivenByName, GivenTensor } from "../rule/rule.js";
import type { Operate } from "../rule/stage.js";
import type { VariableInfo } from "../rule/variable.js";
import type { Level } from "./level.js";

/** A learned hyperparameter's current value: a variable of the level above. */
export interface Knob<A> {
  readonly hyperparameter: LearnedHyperparameter;
  readonly above: Level<A>;
  /** What the level above knows of it. */
  readonly cell: Cell<A>;
  /** The number that the learner moves, and the hyperparameter that it stands for. */
  raw: Value<A>;
  value: Value<A>;
}

/** What a level knows of one of its variables. */
export interface Cell<A> {
  readonly name: string;
  readonly layout: Layout;
  readonly plan: Plan;
  /** Learned hyperparameters by name; those of grain "model" are shared with the level's other cells. */
  readonly knobs: ReadonlyMap<string, Knob<A>>;
  readonly state: Map<string, Value<A>>;
  /** What operators remember, by stage and name. */
  readonly memory: Map<string, Readonly<Record<string, A>>>;
  /** Sensitivities of the last step by key, see `Held`; empty before the first. */
  readonly held: Map<string, Value<A>>;
  /** How many gradients make one step; see accumulate.ts. */
  readonly steps: number;
  /** Their share of the mean so far, and how many there are; undefined after a step. */
  gathered: { readonly sum: Value<A>; readonly count: number } | undefined;
  /** Steps that this variable has taken. */
  t: number;
}

/** One variable in one step. */
export interface Update<A> {
  readonly cell: Cell<A>;
  readonly p: Value<A>;
  readonly g: Value<A>;
  /** The parts of hyper-gradients, where they are known already; see `Level.contract`. */
  readonly contracted?: Readonly<Record<string, Value<A>>>;
  /** Where it is not 0 (NaN, from `probe`), nothing changes: the step is skipped without a branch. Left out: the step is taken. */
  readonly probed?: Value<A> | undefined;
  /** True where the new value of p may be written over p: nobody reads the old one any more. */
  readonly inPlace?: boolean;
}

/** A hyperparameter as it is now: a number may stand for all the values that its grain has here. */
export interface Reading<A> {
  readonly value: Value<A>;
  /** The shape of one value per grain; [] for a single number. */
  readonly shape: readonly number[];
}

/** What all levels of a tower share. */
export interface Tower<A> {
  readonly executor: Executor<A>;
  /** Turns a tensor that was given from outside into an array of the executor's. */
  readonly loadGiven: (tensor: GivenTensor) => A;
  /** Runs operators, where that is possible: on tensors. */
  readonly operate?: Operate<A>;
  /** How many hyper-gradients were not applied because they were not finite. */
  refused: Value<A>;
}

/**
 * Every state slot as it is before the first step.
 *
 * @param inputs What the initial values are computed from: p, t and the hyperparameters.
 * @throws Error where a tensor that the rule was given from outside is missing for the variable or does not fit it.
 */
export function initialState<A>(
  { executor, loadGiven }: Tower<A>,
  plan: Plan,
  name: string,
  layout: Layout,
  inputs: Readonly<Record<string, Value<A>>>,
): Map<string, Value<A>> {
  const computed = executor.run(plan.init, inputs, layout);
  const slots = Object.entries(plan.spec.rule.state).map(([slot, { init }]): [string, Value<A>] => [
    slot,
    typeof init === "object" ? loadGiven(givenFor(name, layout, init)) : (computed[slot] as Value<A>),
  ]);
  return new Map(slots);
}

function givenFor(name: string, { shape, size }: Layout, { given, called }: GivenByName): GivenTensor {
  const tensor = given[name];
  if (tensor === undefined) {
    throw new Error(
      `${called}: there is no tensor for the variable "${name}"; there are ${Object.keys(given).join(", ") || "none"}. Add one of shape [${shape}], or exclude the variable.`,
    );
  }
  const values = (tensor as Partial<Numbers> | null)?.values;
  if (!Array.isArray(tensor?.shape) || !("dataId" in tensor || values)) {
    throw new Error(
      `${called}: what is given for the variable "${name}" is ${JSON.stringify(tensor)}; expected a tf.Tensor, or shape and values.`,
    );
  }
  if (!sameShape(tensor.shape, shape)) {
    throw new Error(
      `${called}: the tensor for the variable "${name}" has shape [${tensor.shape}]; expected the variable's, [${shape}].`,
    );
  }
  if (values && values.length !== size) {
    throw new Error(
      `${called}: the tensor for the variable "${name}" has ${values.length} values; expected ${size} for its shape [${shape}].`,
    );
  }
  return tensor;
}

/** What the operators of a plan remember before the first step. */
export function initialMemory<A>(
  { loadGiven }: Tower<A>,
  { operators }: Plan,
  variable: VariableInfo,
): Cell<A>["memory"] {
  const memory: Cell<A>["memory"] = new Map();
  for (const operator of operators.values()) operator.accepts?.(variable);
  for (const [stage, operator] of operators) {
    const arrays = Object.entries(operator.memory?.(variable.shape) ?? {}).map(([name, made]): [string, A] => {
      const array = loadGiven(made);
      made.dispose();
      return [name, array];
    });
    memory.set(stage, Object.fromEntries(arrays));
  }
  return memory;
}
