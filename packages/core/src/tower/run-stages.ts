/**
 * The stages of one step, run for all its variables together, round by round.
 */

import type { Value } from "../executors/executor.js";
import { masked } from "../executors/finite.js";
import { input } from "../expression/expression.js";
import { layoutOf, scalarLayout } from "../expression/layout.js";
import { compile, type Program } from "../expression/program.js";
import { type PlannedStage, tangentName } from "../plan/stage-plan.js";
import type { Operate, Operated, Operation, Operator } from "../rule/stage.js";
import type { Cell, Knob, Tower } from "./cell.js";

/** One variable in one step, and the inputs of its programs. */
export interface StageUpdate<A> {
  readonly cell: Cell<A>;
  readonly inputs: Record<string, Value<A>>;
  readonly probed?: Value<A> | undefined;
}

/** a + b, for values that cover a tensor or fewer elements. */
export const sumProgram: Program = compile({ sum: input("a", "element").add(input("b", "element")) }, "sum");

/** a + b for values that cover a tensor; both are given up. */
export function added<A>({ executor }: Tower<A>, a: Value<A> | undefined, b: Value<A>): Value<A> {
  if (a === undefined) return b;
  const sum = executor.run(sumProgram, { a, b }, scalarLayout).sum as Value<A>;
  for (const value of [a, b]) if (typeof value !== "number") executor.release(value);
  return sum;
}

/**
 * Adds the results of the stages to the inputs of every update.
 *
 * @param apart True where every variable's step is masked by itself: what is not finite then adds nothing to a total.
 * @returns Arrays that the caller frees after the step.
 */
export function runStages<A>(tower: Tower<A>, updates: readonly StageUpdate<A>[], apart: boolean): Value<A>[] {
  const { executor } = tower;
  const temporary: Value<A>[] = [];
  const rounds = Math.max(0, ...updates.map(({ cell }) => cell.plan.rounds.length));
  for (let round = 0; round < rounds; round++) {
    const running = updates.flatMap((update) => {
      const now = update.cell.plan.rounds[round];
      if (!now) return [];
      return [{ update, now, results: executor.run(now.program, update.inputs, update.cell.layout) }];
    });
    const totals = new Totals(tower, apart);
    // By function: a wrapper's copies of one operator, one for each rule that it stands around, are run together.
    const operators = new Map<Operator["apply"], Running<A>[]>();
    for (const { update, now, results } of running) {
      for (const stage of now.stages) {
        if (stage.stage.kind === "total") totals.add(stage, update, results);
        else {
          const { apply } = stage.stage;
          const calls = operators.get(apply) ?? [];
          calls.push({ update, stage, results });
          operators.set(apply, calls);
        }
      }
    }
    for (const { update, now } of running) for (const stage of now.stages) totals.tell(stage, update);
    for (const calls of operators.values()) temporary.push(...operate(tower, calls));
    for (const { now, results } of running) {
      for (const { stage, inputs, tangents } of now.stages) {
        if (stage.kind === "total") continue;
        for (const names of [inputs, ...tangents.values()]) {
          temporary.push(...Object.values(names).map((name) => results[name] as Value<A>));
        }
      }
    }
    temporary.push(...totals.sums());
  }
  return temporary;
}

/** One stage of one variable, in its round. */
interface Running<A> {
  readonly update: StageUpdate<A>;
  readonly stage: PlannedStage;
  readonly results: Readonly<Record<string, Value<A>>>;
}

/** The totals of one round: those of values by stage, those of changes by stage and learned value. */
class Totals<A> {
  private readonly tower: Tower<A>;
  private readonly apart: boolean;
  private readonly byStage = new Map<object, Map<Knob<A> | "value", Value<A>>>();

  constructor(tower: Tower<A>, apart: boolean) {
    this.tower = tower;
    this.apart = apart;
  }

  add(stage: PlannedStage, { cell, probed }: StageUpdate<A>, results: Readonly<Record<string, Value<A>>>): void {
    const { executor } = this.tower;
    const sums = this.byStage.get(stage.over) ?? new Map<Knob<A> | "value", Value<A>>();
    this.byStage.set(stage.over, sums);
    const share = (name: string): Value<A> => {
      const value = results[name] as Value<A>;
      if (!this.apart || probed === undefined) return value;
      const kept = masked(executor, probed, value, 0, scalarLayout);
      if (typeof value !== "number") executor.release(value);
      return kept;
    };
    sums.set("value", added(this.tower, sums.get("value"), share(stage.name)));
    for (const [hyperparameter, names] of stage.tangents) {
      const knob = cell.knobs.get(hyperparameter) as Knob<A>;
      sums.set(knob, added(this.tower, sums.get(knob), share(names[""] as string)));
    }
  }

  tell(stage: PlannedStage, { cell, inputs }: StageUpdate<A>): void {
    if (stage.stage.kind !== "total") return;
    const sums = this.byStage.get(stage.over);
    inputs[stage.name] = sums?.get("value") as Value<A>;
    for (const hyperparameter of stage.tangents.keys()) {
      const knob = cell.knobs.get(hyperparameter) as Knob<A>;
      inputs[tangentName(stage.name, hyperparameter)] = sums?.get(knob) as Value<A>;
    }
  }

  sums(): Value<A>[] {
    return [...this.byStage.values()].flatMap((sums) => [...sums.values()]);
  }
}

/** Runs one operator for all its variables; returns the arrays to free after the step. */
function operate<A>(tower: Tower<A>, calls: readonly Running<A>[]): Value<A>[] {
  const { executor } = tower;
  const operator = (calls[0] as Running<A>).stage.stage as Operator;
  const read = (names: Readonly<Record<string, string>>, results: Running<A>["results"]): Record<string, Value<A>> =>
    Object.fromEntries(Object.entries(names).map(([key, name]) => [key, results[name] as Value<A>]));
  const operations = calls.map(({ update: { cell }, stage, results }): Operation<A> => {
    const tangents = [...stage.tangents].map(([hyperparameter, names]) => [hyperparameter, read(names, results)]);
    return {
      name: cell.name,
      shape: cell.layout.shape,
      inputs: read(stage.inputs, results),
      tangents: Object.fromEntries(tangents),
      memory: cell.memory.get(stage.name) ?? {},
    };
  });
  const results = (tower.operate as Operate<A>)(operator, operations);
  return calls.flatMap(({ update, stage }, i) => {
    const { value, tangents, memory } = results[i] as Operated<A>;
    for (const array of [value, ...Object.values(tangents), ...Object.values(memory)]) executor.own(array);
    update.inputs[stage.name] = value;
    for (const [hyperparameter, tangent] of Object.entries(tangents)) {
      update.inputs[tangentName(stage.name, hyperparameter)] = tangent;
    }
    const before = update.cell.memory.get(stage.name) ?? {};
    const remembered = Object.entries(memory).map(([key, fresh]): [string, A] => {
      const old = before[key] as A;
      const kept = update.probed === undefined ? fresh : keptMemory(tower, update.probed, fresh, old);
      if (kept !== fresh) executor.release(fresh);
      executor.release(old);
      return [key, kept];
    });
    executor.set(update.cell.memory, stage.name, { ...before, ...Object.fromEntries(remembered) });
    return [value, ...Object.values(tangents)];
  });
}

function keptMemory<A>({ executor }: Tower<A>, probed: Value<A>, fresh: A, old: A): A {
  return masked(executor, probed, fresh, old, layoutOf(executor.shapeOf(old))) as A;
}
