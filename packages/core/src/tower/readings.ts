/**
 * What a level can be asked between steps: its hyperparameters as they are, and what to evaluate the model with. Nothing here changes anything.
 */

import type { Value } from "../executors/executor.js";
import type { Cell } from "./cell.js";
import { stateInputs } from "./inputs.js";
import type { Level } from "./level.js";

/** A hyperparameter as it is now: a number may stand for all the values that its grain has here. */
export interface Reading<A> {
  readonly value: Value<A>;
  /** The shape of one value per grain; [] for a single number. */
  readonly shape: readonly number[];
}

/**
 * Every hyperparameter of a variable as it was in its last step, by name; those of the levels above with a dot: `lr`, `lr.lr`, …
 * Arrays are the level's own.
 */
export function readingsOf<A>(level: Level<A>, cell: Cell<A>): Map<string, Reading<A>> {
  const { settings } = cell.plan.spec;
  const values = new Map<string, Reading<A>>();
  for (const [name, setting] of Object.entries(settings)) {
    const knob = cell.knobs.get(name);
    if (!knob) {
      values.set(name, {
        value:
          typeof setting === "function"
            ? level.timetable.inLastStep(cell.plan.spec, name, setting, level.steps)
            : (setting as number),
        shape: [],
      });
      continue;
    }
    values.set(name, { value: knob.value, shape: knob.cell.layout.shape });
    for (const [upper, value] of readingsOf(level.learnerOf(knob), knob.cell)) values.set(`${name}.${upper}`, value);
  }
  return values;
}

/**
 * What to evaluate the model with, in place of the variable's value p; undefined where that is p.
 *
 * @returns A new array.
 */
export function evaluationOf<A>(level: Level<A>, cell: Cell<A>, p: Value<A>): Value<A> | undefined {
  const { timetable, steps } = level;
  const { plan, layout, t } = cell;
  if (!plan.evaluation || t === 0) return undefined;
  const inputs = stateInputs(timetable, cell);
  inputs.p = p;
  inputs.t = t;
  for (const [name, setting] of Object.entries(plan.spec.settings)) {
    if (typeof setting === "function") inputs[name] = timetable.inLastStep(plan.spec, name, setting, steps);
  }
  return level.tower.executor.run(plan.evaluation, inputs, layout).p;
}
