/**
 * What the programs of a variable's step read, by the names that plans give it.
 */

import type { Value } from "../executors/executor.js";
import type { Timetable } from "../plan/timetable.js";
import type { Cell, Update } from "./cell.js";

/** The inputs of the cell's programs that are hyperparameters. */
export function hyperparameterInputs<A>(
  timetable: Timetable,
  { plan, knobs }: Pick<Cell<A>, "plan" | "knobs">,
): Record<string, Value<A>> {
  const inputs: Record<string, Value<A>> = {};
  for (const [name, value] of timetable.coming(plan.spec)) inputs[name] = value;
  for (const [name, knob] of knobs) {
    inputs[name] = knob.value;
    inputs[knob.hyperparameter.inputs.raw] = knob.raw;
  }
  return inputs;
}

/** Hyperparameters and state slots, as programs read them. */
export function stateInputs<A>(timetable: Timetable, cell: Cell<A>): Record<string, Value<A>> {
  const inputs = hyperparameterInputs(timetable, cell);
  for (const [slot, value] of cell.state) inputs[slot] = value;
  return inputs;
}

/** Everything that the programs of one variable's step read, but for the stages. */
export function stepInputs<A>(timetable: Timetable, { cell, p, g }: Update<A>): Record<string, Value<A>> {
  const inputs = stateInputs(timetable, cell);
  inputs.p = p;
  inputs.g = g;
  inputs.t = cell.t + 1;
  for (const { learned, held, inputs: own } of cell.plan.learned) {
    if (learned.horizon === 1) continue;
    for (const { key, name } of held) inputs[name] = cell.held.get(key) ?? 0;
    // Before the first step it is how initial values depend on the hyperparameter.
    inputs[own.carry] = cell.t > 0 && cell.t % learned.horizon === 0 ? 0 : learned.decay;
  }
  return inputs;
}
