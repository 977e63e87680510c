/**
 * Fields: everything that a checkpoint holds of a tower, one by one, under keys that depend on nothing but the spec and the variables' names.
 */

import type { Cell, Knob } from "./cell.js";
import type { Value } from "./executor.js";
import type { Level } from "./level.js";

/** Something that a checkpoint holds. */
export interface Field<A> {
  readonly key: string;
  /** The tensor that an array broadcasts to; undefined for what is always one number. */
  readonly shape: readonly number[] | undefined;
  readonly get: () => Value<A> | undefined;
  readonly set: (value: Value<A>) => void;
}

/** Everything that a checkpoint holds of a level and those above. */
export function* fieldsOf<A>(level: Level<A>): Generator<Field<A>> {
  yield {
    key: `${level.path}@steps`,
    shape: undefined,
    get: () => level.steps,
    set: (steps) => {
      level.steps = steps as number;
    },
  };
  for (const cell of level.cells.values()) yield* cellFields(level, cell);
  const knobs = [...level.cells.values()].flatMap((cell) => [...cell.knobs.values()]);
  for (const knob of new Set([...knobs, ...level.sharedKnobs()])) yield* knobFields(level, knob);
  for (const above of level.above.values()) yield* fieldsOf(above);
}

function* cellFields<A>(level: Level<A>, cell: Cell<A>): Generator<Field<A>> {
  const key = `${level.path}/${cell.name}`;
  const { layout, state, held, plan } = cell;
  yield {
    key: `${key}@t`,
    shape: undefined,
    get: () => cell.t,
    set: (t) => {
      cell.t = t as number;
    },
  };
  const entry = (name: string, values: Map<string, Value<A>>, what: string): Field<A> => ({
    key: `${key}${what}${name}`,
    shape: layout.shape,
    get: () => values.get(name),
    set: (value) => {
      values.set(name, level.replaced(values.get(name) ?? 0, value));
    },
  });
  for (const slot of state.keys()) yield entry(slot, state, "#");
  if (cell.t > 0) for (const { name } of plan.learned) yield entry(name, held, "@sensitivity:");
}

function* knobFields<A>(level: Level<A>, knob: Knob<A>): Generator<Field<A>> {
  for (const what of ["raw", "value"] as const) {
    yield {
      key: `${level.path}/${knob.cell.name}@${what}`,
      shape: knob.cell.layout.shape,
      get: () => knob[what],
      set: (value) => {
        knob[what] = level.replaced(knob[what], value);
      },
    };
  }
}
