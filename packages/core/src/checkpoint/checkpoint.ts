/**
 * Checkpoints: everything that an optimizer remembers, as a plain object.
 *
 * Single numbers are stored in float64 and arrays in the type they have, so a resumed run equals an uninterrupted one bit for bit. The
 * model's parameters are not in it: they are the model's to save.
 */
import type { Executor, Value } from "../executors/executor.js";
import { sizeOf } from "../expression/layout.js";
import type { Level } from "../tower/level.js";
import { type Field, fieldsOf } from "./fields.js";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.js";

const FORMAT = "hypergrad-checkpoint/1";

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
 */
export async function capture<A>(level: Level<A>, executor: Executor<A>, structure: string): Promise<Checkpoint> {
  const variables = Object.fromEntries([...level.cells.values()].map(({ name, layout }) => [name, [...layout.shape]]));
  const pending: [string, number | Promise<StoredTensor>][] = [];
  for (const { key, get } of fieldsOf(level)) {
    const value = get();
    if (value !== undefined) pending.push([key, typeof value === "number" ? value : executor.store(value)]);
  }
  const tensors: Record<string, StoredTensor> = {};
  for (const [key, value] of pending) {
    tensors[key] =
      typeof value === "number" ? { dtype: "float64", shape: [], values: Float64Array.of(value) } : await value;
  }
  return { format: FORMAT, structure, variables, tensors };
}

/** Checks what can be seen of a checkpoint without building anything. */
export function checkCheckpoint(checkpoint: Checkpoint, structure: string): void {
  if (checkpoint?.format !== FORMAT) {
    throw new Error(
      `checkpoint: its format is ${JSON.stringify(checkpoint?.format)}; expected "${FORMAT}". Pass what checkpoint() or decodeCheckpoint() returned.`,
    );
  }
  if (checkpoint.structure !== structure) {
    throw new Error(
      `checkpoint: it was made by another optimizer.\n  checkpoint: ${checkpoint.structure}\n  this one:   ${structure}\nBuild the optimizer as it was, or begin without the checkpoint.`,
    );
  }
  const remedy = "The checkpoint is incomplete; load it again from its file.";
  checkVariables(checkpoint.variables, remedy);
  if (!isRecord(checkpoint.tensors)) {
    throw new Error(
      `checkpoint: its tensors are ${JSON.stringify(checkpoint.tensors)}; expected them by name. ${remedy}`,
    );
  }
}

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && !Array.isArray(x);

const isShape = (x: unknown): boolean => Array.isArray(x) && x.every((size) => Number.isSafeInteger(size) && size >= 0);

function checkVariables(variables: unknown, remedy: string): void {
  if (!isRecord(variables)) {
    throw new Error(`checkpoint: its variables are ${JSON.stringify(variables)}; expected shapes by name. ${remedy}`);
  }
  for (const [name, shape] of Object.entries(variables)) {
    if (!isShape(shape)) {
      throw new Error(
        `checkpoint: among its variables "${name}" has ${JSON.stringify(shape)}; expected a shape. ${remedy}`,
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
    throw new Error(
      `checkpoint: this optimizer has no place for ${extra.join(", ")}; the checkpoint is another one's.`,
    );
  }
}

/** True where a key is that of something of the variable: see fields.ts. */
function isOf(variable: string, key: string): boolean {
  const rest = key.slice(key.indexOf("/") + 1);
  return rest.startsWith(variable) && "@#:".includes(rest.charAt(variable.length) || " ");
}

function storedValue<A>({ key, shape }: Field<A>, stored: StoredTensor, executor: Executor<A>): Value<A> {
  if (!isShape(stored?.shape) || !ArrayBuffer.isView(stored.values)) {
    throw new Error(
      `checkpoint: "${key}" is ${JSON.stringify(stored)}; expected a tensor: dtype, shape and values in a typed array.`,
    );
  }
  const size = sizeOf(stored.shape);
  if (size !== stored.values.length) {
    throw new Error(
      `checkpoint: "${key}" has ${stored.values.length} values; expected ${size} for its shape [${stored.shape}].`,
    );
  }
  if (stored.dtype === "float64" && stored.shape.length === 0) return stored.values[0] as number;
  const fits =
    shape !== undefined &&
    (stored.shape.length === 0 ||
      (stored.shape.length === shape.length && stored.shape.every((n, i) => n === shape[i] || n === 1)));
  if (!fits) {
    throw new Error(
      `checkpoint: "${key}" has shape [${stored.shape}]; expected ${shape === undefined ? "one number" : `[${shape}]`}.`,
    );
  }
  return executor.load(stored);
}

/**
 * A checkpoint as the bytes of a safetensors file.
 *
 * `await fs.writeFile("run.safetensors", encodeCheckpoint(await optimizer.checkpoint()))`
 */
export function encodeCheckpoint({ format, structure, variables, tensors }: Checkpoint): Uint8Array {
  return encodeSafetensors({ tensors, metadata: { format, structure, variables: JSON.stringify(variables) } });
}

/**
 * The checkpoint in the bytes of a file that `encodeCheckpoint` made.
 *
 * @throws Error for a file that is truncated or is none of ours.
 */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { format, structure, variables } = metadata;
  if (format !== FORMAT || structure === undefined || variables === undefined) {
    throw new Error(
      `checkpoint: the file's format is ${JSON.stringify(format)}; expected "${FORMAT}". It holds tensors, but not an optimizer's.`,
    );
  }
  const damaged = "The file is damaged; copy it again from its source.";
  let shapes: Checkpoint["variables"];
  try {
    shapes = JSON.parse(variables);
  } catch (cause) {
    throw new Error(`checkpoint: the list of its variables is not JSON. ${damaged}`, { cause });
  }
  checkVariables(shapes, damaged);
  return { format, structure, variables: shapes, tensors };
}
