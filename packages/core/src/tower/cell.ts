/**
 * Cells: what a level remembers of each of its variables.
 */
import type { Value } from "../executors/executor.js";
import type { Transaction } from "../executors/transaction.js";
import type { Layout } from "../expression/layout.js";
import type { LearnedHyperparameter } from "../plan/knob-plan.js";
import type { Plan } from "../plan/plan.js";
import type { GivenTensor } from "../rule/rule.js";
import type { Operate } from "../rule/stage.js";

/** A learned hyperparameter's current value: a variable of the level above. */
export interface Knob<A> {
  readonly hyperparameter: LearnedHyperparameter;
  /** What the level above, that of its learner, knows of it. */
  readonly cell: Cell<A>;
  /** The number that the learner moves, and the hyperparameter that it stands for. */
  raw: Value<A>;
  value: Value<A>;
}

/** What a variable's learned hyperparameter is called as a variable of the level above. */
export const learnedName = (variable: string, hyperparameter: string): string => `${variable}:${hyperparameter}`;

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
  /** True at the bottom: the new value of p has the shape of p, and may be written over it at the end of the step, as may be what the rule remembers. */
  readonly inPlace?: boolean;
}

/** What all levels of a tower share. */
export interface Tower<A> {
  /** Runs programs; a step is one transaction of it. */
  readonly executor: Transaction<A>;
  /** Turns a tensor that was given from outside into an array of the executor's. */
  readonly loadGiven: (tensor: GivenTensor) => A;
  /** Runs operators, where that is possible: on tensors. */
  readonly operate?: Operate<A>;
  /** How many hyper-gradients were not applied because they were not finite. */
  refused: Value<A>;
}
