/**
 * Checkpoints: everything that an optimizer remembers, as a plain object.
 *
 * Single numbers are stored in float64 and arrays in the type they have, so a resumed run equals an uninterrupted one bit for bit. The
 * model's parameters are not in it: they are the model's to save.
 */
import type { Executor, Value } from "../executors/executor.js";
import { sizeOf } from "../expression/layout.js";
import { cut, listed, shown } from "../expression/shown.js";
import type { Level } from "../tower/level.js";
import { type Field, fieldsOf } from "./fields.js";
import { areSizes, isRecord, type StoredTensor } from "./safetensors.js";

/** What a checkpoint says that it is. */
export const FORMAT = "hypergrad-checkpoint/1";

/** What an optimizer remembers: state, hyperparameters, sensitivities and step counts. */
export interface Checkpoint {
  /** Says what it is. */
  readonly format: typeof FORMAT;
  /** The rules and what is learned how; a checkpoint fits an optimizer only where this is the same. */
  readonly structure: string;
  /** The shape of every variable that has taken a step, by name. */
  readonly variables: Readonly<Record<string, readonly number[]>>;
  /** Everything else, by key. */
  readonly tensors: Readonly<Record<string, StoredTensor>>;
}

/**
 * What a level and those above it remember. It is captured when the function is called, and read back afterwards.
 *
 * @throws Error where no run could go on from it, as the state has overflowed.
 */
export async function capture<A>(level: Level<A>, executor: Executor<A>, structure: string): Promise<Checkpoint> {
  const variables = Object.fromEntries([...level.cells.values()].map(({ name, layout }) => [name, [...layout.shape]]));
  const pending: [Field<A>, number | Promise<StoredTensor>][] = [];
  for (const field of fieldsOf(level)) {
    const value = field.get();
    if (value !== undefined) pending.push([field, typeof value === "number" ? value : executor.store(value)]);
  }
  const tensors: [string, StoredTensor][] = [];
  for (const [field, value] of pending) {
    const stored: StoredTensor =
      typeof value === "number" ? { dtype: "float64", shape: [], values: Float64Array.of(value) } : await value;
    refuseWrong(field, stored, "This run has overflowed, and could not go on from it: take an earlier checkpoint.");
    tensors.push([field.key, stored]);
  }
  return { format: FORMAT, structure, variables, tensors: Object.fromEntries(tensors) };
}

/** @throws Error for a value that the field cannot have. */
function refuseWrong(
  { key, valid, expected }: Pick<Field<never>, "key" | "valid" | "expected">,
  stored: StoredTensor,
  remedy: string,
): void {
  // An array becomes one of float32, in which a number may be infinite that was finite before.
  const single = isSingle(stored);
  const wrong = stored.values.find((x) => !valid(single ? x : Math.fround(x)));
  if (wrong === undefined) return;
  throw new Error(`checkpoint: "${key}" has the value ${wrong}; expected ${expected}. ${remedy}`);
}

/** One number, which is kept in float64. */
const isSingle = ({ dtype, shape }: StoredTensor): boolean => dtype === "float64" && shape.length === 0;

/** Checks what can be seen of a checkpoint without building anything. */
export function checkCheckpoint(checkpoint: Checkpoint, structure: string): void {
  if (checkpoint?.format !== FORMAT) {
    throw new Error(
      `checkpoint: its format is ${shown(checkpoint?.format)}; expected "${FORMAT}". Pass what checkpoint() or decodeCheckpoint() returned.`,
    );
  }
  if (checkpoint.structure !== structure) {
    const [theirs, ours] = difference(checkpoint.structure, structure);
    throw new Error(
      `checkpoint: it was made by another optimizer.\n  checkpoint: ${theirs}\n  this one:   ${ours}\nBuild the optimizer as it was, or begin without the checkpoint.`,
    );
  }
  const remedy = "The checkpoint is incomplete; load it again from its file.";
  checkVariables(checkpoint.variables, remedy);
  if (!isRecord(checkpoint.tensors)) {
    throw new Error(`checkpoint: its tensors are ${shown(checkpoint.tensors)}; expected them by name. ${remedy}`);
  }
}

/** By name: a page's frame, or a test runner, has typed arrays of its own. */
const isFloats = (x: unknown): boolean =>
  ["[object Float32Array]", "[object Float64Array]"].includes(Object.prototype.toString.call(x));

/** Both texts from shortly before the first character in which they differ, where they are too long to be shown whole. */
function difference(a: unknown, b: string): [string, string] {
  if (typeof a !== "string") return [shown(a), cut(b)];
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const from = a.length > LONGEST || b.length > LONGEST ? Math.max(0, same - 50) : 0;
  const part = (text: string): string => cut(`${from > 0 ? "…" : ""}${text.slice(from)}`, LONGEST);
  return [part(a), part(b)];
}

/** How much of a structure a message shows. */
const LONGEST = 300;

/**
 * Checks that these are shapes by name.
 *
 * @param remedy What to do where they are not.
 */
export function checkVariables(variables: unknown, remedy: string): void {
  if (!isRecord(variables)) {
    throw new Error(`checkpoint: its variables are ${shown(variables)}; expected shapes by name. ${remedy}`);
  }
  for (const [name, shape] of Object.entries(variables)) {
    if (!areSizes(shape)) {
      throw new Error(
        `checkpoint: among its variables ${shown(name)} has ${shown(shape)}; expected a shape. ${remedy}`,
      );
    }
  }
}

/**
 * Puts a checkpoint's tensors into a fresh level, whose cells exist already.
 *
 * @param names The variables of the level by what the checkpoint calls them; the state of others is left out.
 * @throws Error for a tensor that is missing, left over, or has the wrong shape.
 */
export function fill<A>(
  level: Level<A>,
  executor: Executor<A>,
  { tensors, variables }: Checkpoint,
  names: ReadonlyMap<string, string>,
): void {
  const used = new Set<string>();
  const called = new Map([...names].map(([before, now]) => [now, before]));
  for (const field of fieldsOf(level, (name) => called.get(name) ?? name)) {
    const stored = Object.hasOwn(tensors, field.key) ? tensors[field.key] : undefined;
    if (stored === undefined) {
      throw new Error(
        `checkpoint: "${field.key}" is missing; the checkpoint is incomplete. Load it again from its file.`,
      );
    }
    field.set(storedValue(field, stored, executor));
    used.add(field.key);
  }
  const leftOut = Object.keys(variables).filter((name) => !names.has(name));
  const extra = Object.keys(tensors).filter((key) => !used.has(key) && !leftOut.some((name) => isOf(name, key)));
  if (extra.length > 0) {
    throw new Error(`checkpoint: this optimizer has no place for ${listed(extra)}; the checkpoint is another one's.`);
  }
}

/** True where a key is that of something of the variable: see fields.ts. */
function isOf(variable: string, key: string): boolean {
  const rest = key.slice(key.indexOf("/") + 1);
  return rest.startsWith(variable) && "@#:".includes(rest.charAt(variable.length) || " ");
}

function storedValue<A>(field: Field<A>, stored: StoredTensor, executor: Executor<A>): Value<A> {
  const { key, shape } = field;
  if (!areSizes(stored?.shape) || !isFloats(stored.values)) {
    throw new Error(
      `checkpoint: "${key}" is ${shown(stored)}; expected a tensor: dtype, shape and values in a typed array.`,
    );
  }
  const size = sizeOf(stored.shape);
  if (size !== stored.values.length) {
    throw new Error(
      `checkpoint: "${key}" has ${stored.values.length} values; expected ${size} for its shape ${shown(stored.shape)}.`,
    );
  }
  const single = isSingle(stored);
  const fits =
    shape !== undefined &&
    (stored.shape.length === 0 ||
      (stored.shape.length === shape.length && stored.shape.every((n, i) => n === shape[i] || n === 1)));
  if (!single && !fits) {
    throw new Error(
      `checkpoint: "${key}" has shape ${shown(stored.shape)}; expected ${shape === undefined ? "one number" : `[${shape}]`}.`,
    );
  }
  refuseWrong(field, stored, "It was made by a run that had gone wrong, or it is damaged: take an earlier one.");
  return single ? (stored.values[0] as number) : executor.load(stored);
}
