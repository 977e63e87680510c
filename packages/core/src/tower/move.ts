/**
 * One variable's own step, with hyperparameters and stages as they are: its rule's program runs, and what comes out of it replaces what was there.
 */

import type { Value } from "../executors/executor.js";
import { free, replaced } from "../executors/executor.js";
import { masked } from "../executors/finite.js";
import type { Program } from "../expression/program.js";
import type { Tower, Update } from "./cell.js";
import { settle } from "./learn.js";

/** Runs the rule; returns the new value of p. */
export function move<A>(
  { executor }: Tower<A>,
  { cell, p, probed, inPlace }: Update<A>,
  inputs: Readonly<Record<string, Value<A>>>,
): Value<A> {
  const { plan, layout, state, held, knobs } = cell;
  cell.t++;
  if (plan.still && inPlace) return p;
  // What the step replaces, the executor may write over. A masked step selects between the old and the new: it needs both.
  let into: Record<string, Value<A>> | undefined;
  if (probed === undefined) {
    into = {};
    if (inPlace) into.p = p;
    for (const slot of plan.changing) into[slot] = state.get(slot) as Value<A>;
    for (const { held: all } of plan.learned) for (const { key, name } of all) into[name] = held.get(key) ?? 0;
  }
  const result = executor.run(plan.update, inputs, layout, into);
  const settled = (fresh: Value<A>, old: Value<A>): Value<A> => {
    if (probed === undefined) return fresh;
    const kept = masked(executor, probed, fresh, old, layout);
    free(executor, fresh);
    return kept;
  };
  for (const slot of plan.changing) {
    const old = state.get(slot) as Value<A>;
    state.set(slot, replaced(executor, old, settled(result[slot] as Value<A>, old)));
  }
  for (const knob of knobs.values()) {
    const { outputs, writeBack, held: all } = knob.hyperparameter;
    for (const { key, name } of all) {
      const old = held.get(key) ?? 0;
      held.set(key, replaced(executor, old, settled(result[name] as Value<A>, old)));
    }
    const fresh = result[outputs.written];
    if (fresh === undefined) continue;
    const written = settled(fresh, knob.value);
    settle(executor, knob, writeBack as Program, { raw: knob.raw, value: knob.value, written });
    free(executor, written);
  }
  return settled(result.p as Value<A>, p);
}
