/** A model's weights as plain arrays by name. They are stored as 16-bit floats, which halves the file. */
import { decodeSafetensors, encodeSafetensors } from "@hypergrad/core";

/** One tensor's values. */
export interface Weight {
  readonly shape: readonly number[];
  /** Row by row, as many as the shape says. */
  readonly values: Float32Array;
}

/** A model's weights by variable name. */
export type Weights = Readonly<Record<string, Weight>>;

/** Writes weights as a safetensors file of 16-bit floats. */
export function encodeWeights(weights: Weights, metadata: Record<string, string> = {}): Uint8Array {
  const tensors = Object.entries(weights).map(([name, weight]) => [name, { dtype: "float16" as const, ...weight }]);
  return encodeSafetensors({ tensors: Object.fromEntries(tensors), metadata });
}

/** Reads the weights of a safetensors file. */
export function decodeWeights(bytes: Uint8Array): Weights {
  const { tensors } = decodeSafetensors(bytes);
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, values }]) => [name, { shape, values: Float32Array.from(values) }]),
  );
}
