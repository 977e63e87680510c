/**
 * One variable's own step, with hyperparameters and stages as they are: its rule's program runs, and what comes out of it replaces what was there.
 */

import { free, type Prepared, replaced, type Value } from "../executors/executor.js";
import { masked } from "../executors/finite.js";
import { sameShape } from "../expression/layout.js";
import type { Program } from "../expression/program.js";
import type { Tower, Update } from "./cell.js";
import { settle } from "./learn.js";

/** The inputs or outputs of the rule's program, by name. */
type Values<A> = Readonly<Record<string, Value<A>>>;

/** Does all of it that can fail; returns what does the rest, and returns the new value of p. */
export function move<A>(tower: Tower<A>, update: Update<A>, inputs: Values<A>): () => Value<A> {
  const { executor } = tower;
  const { cell, p, inPlace } = update;
  const { plan, layout } = cell;
  executor.put(cell, "t", cell.t + 1);
  if (plan.still && inPlace) return () => p;
  const prepared = inPlace ? prepareInPlace(tower, update, inputs) : undefined;
  if (prepared) return () => take(tower, update, prepared.run());
  const moved = take(tower, update, executor.run(plan.update, inputs, layout));
  const whole = inPlace ? executor.spreadOut(moved, layout.shape) : moved;
  return () => whole;
}

/** Makes ready to write over what the step replaces; undefined where that cannot be. */
function prepareInPlace<A>(
  { executor }: Tower<A>,
  { cell, p, probed }: Update<A>,
  inputs: Values<A>,
): Prepared<A> | undefined {
  // A masked step selects between the old and the new: it needs both.
  if (probed !== undefined) return undefined;
  const { plan, layout, state, held } = cell;
  const into: Record<string, Value<A>> = { p };
  for (const slot of plan.changing) into[slot] = state.get(slot) as Value<A>;
  for (const { held: all } of plan.learned) for (const { key, name } of all) into[name] = held.get(key) ?? 0;
  const prepared = executor.prepare(plan.update, inputs, layout, into);
  if (!prepared) return undefined;
  const moved = prepared.array("p");
  const whole = moved !== undefined && sameShape(executor.shapeOf(moved), layout.shape);
  // What comes of an array that is written back takes new arrays, too late for one that there is no room for.
  const numbers = plan.learned.every(({ outputs }) => prepared.array(outputs.written) === undefined);
  if (whole && numbers) return prepared;
  prepared.drop();
  return undefined;
}

/** Puts what the program made of a variable in the place of what was there; returns the new value of p. */
function take<A>({ executor }: Tower<A>, { cell, p, probed }: Update<A>, result: Values<A>): Value<A> {
  const { plan, layout, state, held, knobs } = cell;
  const settled = (fresh: Value<A>, old: Value<A>): Value<A> => {
    if (probed === undefined) return fresh;
    const kept = masked(executor, probed, fresh, old, layout);
    free(executor, fresh);
    return kept;
  };
  for (const slot of plan.changing) {
    const old = state.get(slot) as Value<A>;
    executor.set(state, slot, replaced(executor, old, settled(result[slot] as Value<A>, old)));
  }
  for (const knob of knobs.values()) {
    const { outputs, writeBack, held: all } = knob.hyperparameter;
    for (const { key, name } of all) {
      const old = held.get(key) ?? 0;
      executor.set(held, key, replaced(executor, old, settled(result[name] as Value<A>, old)));
    }
    const fresh = result[outputs.written];
    if (fresh === undefined) continue;
    const written = settled(fresh, knob.value);
    settle(executor, knob, writeBack as Program, { raw: knob.raw, value: knob.value, written });
    free(executor, written);
  }
  return settled(result.p as Value<A>, p);
}
