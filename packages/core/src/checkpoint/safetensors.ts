/**
 * Safetensors: named tensors in one file, in Hugging Face's open format.
 *
 * Eight bytes of header length, a JSON header that gives every tensor's type, shape and byte range, then the bytes, all little-endian. Format:
 * https://github.com/huggingface/safetensors#format.
 */

import { sizeOf } from "../expression/layout.js";
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
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

const fileTypes: Record<StoredTensor["dtype"], FileType> = { float16: "F16", float32: "F32", float64: "F64" };

const writers = {
  F64: (view: DataView, at: number, x: number) => view.setFloat64(at, x, true),
  F32: (view: DataView, at: number, x: number) => view.setFloat32(at, x, true),
  F16: (view: DataView, at: number, x: number) => view.setUint16(at, toHalf(x), true),
} as Record<FileType, (view: DataView, at: number, x: number) => void>;

/** The bytes of a safetensors file; every tensor is written as its type. */
export function encodeSafetensors({ tensors, metadata }: Safetensors): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const width = ({ dtype }: StoredTensor): number => bytesPer[fileTypes[dtype]];
  // The widest type first, so that every tensor begins at a multiple of its own element size.
  const entries = Object.entries(tensors).sort(([, a], [, b]) => width(b) - width(a));
  let end = 0;
  for (const [name, tensor] of entries) {
    const length = tensor.values.length * width(tensor);
    header[name] = { dtype: fileTypes[tensor.dtype], shape: tensor.shape, data_offsets: [end, end + length] };
    end += length;
  }
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

/**
 * What is in the bytes of a safetensors file. Types F64, F32, F16 and BF16; the last is widened to float32.
 *
 * @throws Error for a truncated or damaged file, and for other types.
 */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length >= 8 ? Number(view.getBigUint64(0, true)) : Number.POSITIVE_INFINITY;
  const start = 8 + length;
  if (start > bytes.length) {
    throw new Error(
      `safetensors: the file has ${bytes.length} bytes, fewer than its header needs; it is truncated or no safetensors file. Copy it again from its source.`,
    );
  }
  let header: Record<string, Entry> & { __metadata__?: Record<string, string> };
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  } catch (cause) {
    throw new Error("safetensors: the header is not JSON; the file is damaged or no safetensors file.", { cause });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new Error("safetensors: the header is not a JSON object; the file is damaged or no safetensors file.");
  }
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, entry] of Object.entries(entries)) tensors[name] = decodeTensor(name, entry, view, start);
  return { tensors, metadata };
}

const areSizes = (x: unknown): boolean => Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);

function decodeTensor(name: string, entry: Entry, view: DataView, start: number): StoredTensor {
  if (!areSizes(entry?.shape) || !areSizes(entry.data_offsets) || entry.data_offsets.length !== 2) {
    throw new Error(
      `safetensors: "${name}" has the header ${JSON.stringify(entry)}; expected a type, a shape and two offsets. The file is damaged; copy it again from its source.`,
    );
  }
  const { dtype, shape, data_offsets } = entry;
  if (!Object.hasOwn(bytesPer, dtype)) {
    throw new Error(
      `safetensors: "${name}" has type ${dtype}; expected one of ${Object.keys(bytesPer).join(", ")}. Convert it first.`,
    );
  }
  const size = sizeOf(shape);
  const [from, to] = data_offsets;
  const width = bytesPer[dtype];
  if (to - from !== size * width) {
    throw new Error(
      `safetensors: "${name}" takes ${to - from} bytes; expected ${size * width} for ${dtype} [${shape}].`,
    );
  }
  if (start + to > view.byteLength) {
    throw new Error(
      `safetensors: "${name}" ends at byte ${start + to}, but the file has ${view.byteLength}; it is truncated. Copy it again from its source.`,
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
