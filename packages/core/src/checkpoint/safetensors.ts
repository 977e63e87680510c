/**
 * Safetensors: named tensors in one file, in Hugging Face's open format.
 *
 * Eight bytes of header length, a JSON header that gives every tensor's type, shape and byte range, then the bytes, all little-endian. Format:
 * https://github.com/huggingface/safetensors#format.
 */

import { sizeOf } from "../expression/layout.js";
import { shown } from "../expression/shown.js";
import { fromHalf, toHalf } from "./float16.js";

/** A tensor as a file holds it. */
export interface StoredTensor {
  /** The type of its elements in a file. */
  readonly dtype: "float16" | "float32" | "float64";
  /** Its shape. */
  readonly shape: readonly number[];
  /** Row-major; 16-bit floats are held as float32. */
  readonly values: Float32Array | Float64Array;
}

/** What a file holds. */
export interface Safetensors {
  /** By name. */
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  /** Texts by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

const bytesPer = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;
type FileType = keyof typeof bytesPer;

interface Entry {
  readonly dtype: FileType;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const fileTypes: Record<StoredTensor["dtype"], FileType> = { float16: "F16", float32: "F32", float64: "F64" };

const writers = {
  F64: (view: DataView, at: number, x: number) => view.setFloat64(at, x, true),
  F32: (view: DataView, at: number, x: number) => view.setFloat32(at, x, true),
  F16: (view: DataView, at: number, x: number) => view.setUint16(at, toHalf(x), true),
} as Record<FileType, (view: DataView, at: number, x: number) => void>;

const METADATA = "__metadata__";

/**
 * The bytes of a safetensors file; every tensor is written as its type.
 *
 * @throws Error for a tensor whose values are not as many as its shape says, an unknown type, and the name that the format keeps for metadata.
 */
export function encodeSafetensors({ tensors, metadata }: Safetensors): Uint8Array {
  for (const [name, tensor] of Object.entries(tensors)) checkTensor(name, tensor);
  const width = ({ dtype }: StoredTensor): number => bytesPer[fileTypes[dtype]];
  // The widest type first, so that every tensor begins at a multiple of its own element size.
  const entries = Object.entries(tensors).sort(([, a], [, b]) => width(b) - width(a));
  let end = 0;
  const described = entries.map(([name, tensor]): [string, Entry] => {
    const begin = end;
    end += tensor.values.length * width(tensor);
    return [name, { dtype: fileTypes[tensor.dtype], shape: tensor.shape, data_offsets: [begin, end] }];
  });
  // From entries: assigned, a name such as "__proto__" would be lost.
  const header = Object.fromEntries<unknown>([[METADATA, metadata], ...described]);
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(start + end).fill(0x20, 8, start);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(start - 8), true);
  bytes.set(json, 8);
  let at = start;
  for (const [, tensor] of entries) {
    const write = writers[fileTypes[tensor.dtype]];
    for (const x of tensor.values) {
      write(view, at, x);
      at += width(tensor);
    }
  }
  return bytes;
}

function checkTensor(name: string, { dtype, shape, values }: StoredTensor): void {
  if (name === METADATA) {
    throw new Error(`safetensors: a tensor is called "${METADATA}", which the format keeps for metadata. Rename it.`);
  }
  if (!Object.hasOwn(fileTypes, dtype)) {
    throw new Error(
      `safetensors: ${shown(name)} has dtype ${shown(dtype)}; expected one of ${Object.keys(fileTypes).join(", ")}.`,
    );
  }
  if (sizeOf(shape) !== values.length) {
    throw new Error(
      `safetensors: ${shown(name)} has ${values.length} values; expected ${sizeOf(shape)} for its shape ${shown(shape)}.`,
    );
  }
}

const damaged = "The file is damaged; copy it again from its source.";

/**
 * What is in the bytes of a safetensors file. Types F64, F32, F16 and BF16; the last is widened to float32.
 *
 * @throws Error for a truncated or damaged file, for other types, and for what is no Uint8Array.
 */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  if (!ArrayBuffer.isView(bytes) || bytes.byteLength !== bytes.length) {
    throw new Error(
      `safetensors: the file is ${shown(bytes)}; expected its bytes in a Uint8Array, such as new Uint8Array(await response.arrayBuffer()).`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length >= 8 ? Number(view.getBigUint64(0, true)) : Number.POSITIVE_INFINITY;
  const start = 8 + length;
  if (start > bytes.length) {
    throw new Error(
      `safetensors: the file has ${bytes.length} bytes, fewer than its header needs; it is truncated or no safetensors file. Copy it again from its source.`,
    );
  }
  const { [METADATA]: metadata = {}, ...entries } = headerOf(bytes.subarray(8, start));
  if (!isRecord(metadata) || !Object.values(metadata).every((text) => typeof text === "string")) {
    throw new Error(`safetensors: the metadata is ${shown(metadata)}; expected texts by name. ${damaged}`);
  }
  const tensors = Object.entries(entries).map(([name, entry]) => [name, decodeTensor(name, entry, view, start)]);
  return { tensors: Object.fromEntries(tensors), metadata: metadata as Safetensors["metadata"] };
}

/** True for an object that is no list. */
export const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && !Array.isArray(x);

function headerOf(json: Uint8Array): Readonly<Record<string, unknown>> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch (cause) {
    throw new Error("safetensors: the header is not JSON; the file is damaged or no safetensors file.", { cause });
  }
  if (isRecord(header)) return header;
  throw new Error("safetensors: the header is not a JSON object; the file is damaged or no safetensors file.");
}

/** True for a list of whole numbers ≥ 0, as a shape is. */
export const areSizes = (x: unknown): boolean => Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);

function isEntry(x: unknown): x is Entry {
  if (!isRecord(x) || !areSizes(x.shape) || !areSizes(x.data_offsets)) return false;
  return (x.data_offsets as number[]).length === 2;
}

function decodeTensor(called: string, entry: unknown, view: DataView, start: number): StoredTensor {
  const name = shown(called);
  if (!isEntry(entry)) {
    throw new Error(
      `safetensors: ${name} has the header ${shown(entry)}; expected a type, a shape and two offsets. ${damaged}`,
    );
  }
  const { dtype, shape, data_offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(bytesPer, dtype)) {
    throw new Error(
      `safetensors: ${name} has type ${shown(dtype)}; expected one of ${Object.keys(bytesPer).join(", ")}. Convert it first.`,
    );
  }
  const size = sizeOf(shape);
  const [from, to] = data_offsets;
  const width = bytesPer[dtype];
  if (to - from !== size * width) {
    throw new Error(
      `safetensors: ${name} takes ${to - from} bytes; expected ${size * width} for ${dtype} ${shown(shape)}.`,
    );
  }
  if (start + to > view.byteLength) {
    throw new Error(
      `safetensors: ${name} ends at byte ${start + to}, but the file has ${view.byteLength}; it is truncated. Copy it again from its source.`,
    );
  }
  const values = dtype === "F64" ? new Float64Array(size) : new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = readers[dtype](view, start + from + i * width);
  return { dtype: dtype === "F64" ? "float64" : dtype === "F16" ? "float16" : "float32", shape, values };
}

const scratch = new DataView(new ArrayBuffer(4));

const readers: Record<FileType, (view: DataView, at: number) => number> = {
  F64: (view, at) => view.getFloat64(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  F16: (view, at) => fromHalf(view.getUint16(at, true)),
  BF16: (view, at) => {
    scratch.setUint32(0, view.getUint16(at, true) << 16);
    return scratch.getFloat32(0);
  },
};
