/**
 * A model's weights as plain arrays by name, and the safetensors file that holds them: an 8-byte length, a JSON header that says where each
 * tensor lies, and the numbers (https://huggingface.co/docs/safetensors). Stored as 16-bit floats, which halves the file.
 */

/** One tensor's values. */
export interface Weight {
  readonly shape: readonly number[];
  /** Row by row, as many as the shape says. */
  readonly values: Float32Array;
}

/** A model's weights by variable name. */
export type Weights = Readonly<Record<string, Weight>>;

/** A header entry of a safetensors file. */
interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Writes weights as a safetensors file of 16-bit floats. */
export function encodeWeights(weights: Weights, metadata: Record<string, string> = {}): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let length = 0;
  for (const [name, { shape, values }] of Object.entries(weights)) {
    header[name] = {
      dtype: "F16",
      shape: [...shape],
      data_offsets: [length, length + 2 * values.length],
    } satisfies Entry;
    length += 2 * values.length;
  }
  // The format lets the header end in spaces; that aligns the numbers.
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + length).fill(0x20, 8, start);
  bytes.set(text, 8);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(start - 8), true);
  let at = start;
  for (const { values } of Object.values(weights)) {
    for (const value of values) {
      view.setUint16(at, toHalf(value), true);
      at += 2;
    }
  }
  return bytes;
}

/** Reads the weights of a safetensors file with 16-bit or 32-bit floats. */
export function decodeWeights(bytes: Uint8Array): Weights {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Record<string, Entry>;
  const weights: Record<string, Weight> = {};
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F16" && dtype !== "F32")
      throw new Error(`The weights' tensor "${name}" has type ${dtype}; only F16 and F32 are read.`);
    const size = shape.reduce((product, side) => product * side, 1);
    const from = start + offsets[0];
    const values = Float32Array.from({ length: size }, (_, i) =>
      dtype === "F16" ? fromHalf(view.getUint16(from + 2 * i, true)) : view.getFloat32(from + 4 * i, true),
    );
    weights[name] = { shape, values };
  }
  return weights;
}

/** The nearest 16-bit float of a number, as bits; overflow becomes infinity. */
function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  // Below 2^-14 the spacing no longer shrinks (subnormal numbers).
  const exponent = Math.max(Math.floor(Math.log2(magnitude || 1e-30)), -14);
  let fraction = magnitude / 2 ** (exponent - 10);
  fraction = roundToEven(fraction);
  return sign + (fraction < 1024 ? fraction : ((exponent + 14) << 10) + fraction);
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The number that a 16-bit float's bits stand for. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
