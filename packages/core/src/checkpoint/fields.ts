/**
 * Fields: everything that a checkpoint holds of a tower, one by one, under keys that depend on nothing but the spec and the variables' names.
 */

import { replaced, type Value } from "../executors/executor.js";
import { type Domain, inDomain } from "../rule/domain.js";
import { type Cell, type Knob, learnedName } from "../tower/cell.js";
import { setFrozen } from "../tower/freeze.js";
import type { Level } from "../tower/level.js";

/** Something that a checkpoint holds. */
export interface Field<A> {
  readonly key: string;
  /** The tensor that an array broadcasts to; undefined for what is always one number. */
  readonly shape: readonly number[] | undefined;
  /** Whether each of its numbers can be what it is, and what that is, for the message. */
  readonly valid: (x: number) => boolean;
  readonly expected: string;
  readonly get: () => Value<A> | undefined;
  readonly set: (value: Value<A>) => void;
}

/** What a variable is called in a checkpoint, by its name now. */
export type Called = (name: string) => string;

/** What numbers can be: the parts of a field that say so. */
type Kind = Pick<Field<never>, "valid" | "expected">;
const finite: Kind = { valid: Number.isFinite, expected: "finite numbers" };
/** An infinite sensitivity is what a step may well leave behind: the hyper-gradient that it makes is refused, and the next step forgets it. */
const any: Kind = { valid: (x) => typeof x === "number", expected: "numbers" };
const count: Kind = { valid: (x) => Number.isSafeInteger(x) && x >= 0, expected: "a whole number ≥ 0" };
const flag: Kind = { valid: (x) => x === 0 || x === 1, expected: "0 or 1" };
const below = (end: number): Kind => ({
  valid: (x) => count.valid(x) && x < end,
  expected: `a whole number from 0 to ${end - 1}`,
});
/** A learned value, which is finite in float32 too. */
const within = (domain: Domain): Kind => ({
  valid: (x) => inDomain(x, domain) && Number.isFinite(Math.fround(x)),
  expected: domain.description,
});

/** Everything that a checkpoint holds of a level and those above. */
export function* fieldsOf<A>(level: Level<A>, called: Called = (name) => name): Generator<Field<A>> {
  yield {
    key: `${level.path}@steps`,
    shape: undefined,
    ...count,
    get: () => level.steps,
    set: (steps) => {
      level.steps = steps as number;
    },
  };
  for (const name of new Set(level.learned.map(({ name }) => name))) {
    yield {
      key: `${level.path}@frozen:${name}`,
      shape: undefined,
      ...flag,
      get: () => Number(level.frozen.has(name)),
      set: (frozen) => {
        setFrozen(level, name, frozen !== 0);
      },
    };
  }
  for (const cell of level.cells.values()) yield* cellFields(level, cell, called);
  const knobs = [...level.cells.values()].flatMap((cell) => [...cell.knobs.values()]);
  const calledAbove = learnedOf(level, called);
  for (const knob of new Set([...knobs, ...level.sharedKnobs()])) yield* knobFields(level, knob, calledAbove);
  for (const above of level.above.values()) yield* fieldsOf(above, calledAbove);
}

/** What the learned values of a level, which are the variables of those above, are called: after the variable that they belong to. */
function learnedOf<A>(level: Level<A>, called: Called): Called {
  const names = new Map<string, string>();
  for (const cell of level.cells.values()) {
    for (const [of, knob] of cell.knobs) {
      if (knob.hyperparameter.per !== "model") names.set(knob.cell.name, learnedName(called(cell.name), of));
    }
  }
  return (name) => names.get(name) ?? name;
}

function* cellFields<A>(level: Level<A>, cell: Cell<A>, called: Called): Generator<Field<A>> {
  const key = `${level.path}/${called(cell.name)}`;
  const { layout, state, held, plan } = cell;
  yield {
    key: `${key}@t`,
    shape: undefined,
    ...count,
    get: () => cell.t,
    set: (t) => {
      cell.t = t as number;
    },
  };
  const entry = (name: string, values: Map<string, Value<A>>, what: string, kind: Kind): Field<A> => ({
    key: `${key}${what}${name}`,
    shape: layout.shape,
    ...kind,
    get: () => values.get(name),
    set: (value) => {
      values.set(name, replaced(level.tower.executor, values.get(name) ?? 0, value));
    },
  });
  for (const slot of state.keys()) yield entry(slot, state, "#", finite);
  for (const { key: own } of plan.learned.flatMap(({ held }) => held)) {
    // Before the first step only initial values depend on anything.
    if (cell.t > 0 || held.has(own)) yield entry(own, held, "@sensitivity:", any);
  }
  for (const [stage, remembered] of cell.memory) {
    for (const name of Object.keys(remembered)) {
      yield {
        key: `${key}@${stage}:${name}`,
        shape: level.tower.executor.shapeOf(remembered[name] as A),
        ...finite,
        get: () => cell.memory.get(stage)?.[name],
        set: (value) => {
          const now = cell.memory.get(stage) ?? {};
          cell.memory.set(stage, { ...now, [name]: replaced(level.tower.executor, now[name] as A, value) as A });
        },
      };
    }
  }
  if (cell.steps > 1) yield* gatheredFields(level, cell, key);
}

function* gatheredFields<A>(level: Level<A>, cell: Cell<A>, key: string): Generator<Field<A>> {
  const { layout, gathered } = cell;
  yield {
    key: `${key}@gathered`,
    shape: undefined,
    ...below(cell.steps),
    get: () => gathered?.count ?? 0,
    set: (count) => {
      if (count !== 0) cell.gathered = { sum: 0, count: count as number };
    },
  };
  // Of a fresh cell that is being filled, what was read just now.
  if (!cell.gathered) return;
  yield {
    key: `${key}@gathered mean`,
    shape: layout.shape,
    ...finite,
    get: () => gathered?.sum,
    set: (sum) => {
      if (cell.gathered)
        cell.gathered = { ...cell.gathered, sum: replaced(level.tower.executor, cell.gathered.sum, sum) };
    },
  };
}

function* knobFields<A>(level: Level<A>, knob: Knob<A>, called: Called): Generator<Field<A>> {
  for (const what of ["raw", "value"] as const) {
    yield {
      key: `${level.path}/${called(knob.cell.name)}@${what}`,
      shape: knob.cell.layout.shape,
      ...(what === "raw" ? finite : within(knob.hyperparameter.domain)),
      get: () => knob[what],
      set: (value) => {
        knob[what] = replaced(level.tower.executor, knob[what], value);
      },
    };
  }
}
