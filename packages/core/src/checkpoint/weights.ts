/**
 * Checkpoints as lists of named tensors, the form in which tfjs saves an optimizer.
 *
 * tfjs tensors have no float64, so the single numbers travel as their bits, in an int32 tensor of two words each, and the names as text.
 */
import * as tf from "@tensorflow/tfjs-core";
import { listed, shown } from "../expression/shown.js";
import type { Checkpoint } from "./checkpoint.js";
import { isRecord, type StoredTensor } from "./safetensors.js";

const NUMBERS = "hypergrad/numbers";
const HEADER = "hypergrad/header";

/** A tensor and its name, as tfjs passes gradients and weights. */
export interface NamedTensor {
  /** The name of a tf.Variable, or of a weight. */
  name: string;
  /** Its gradient, or the weight. */
  tensor: tf.Tensor;
}

/** A checkpoint as named tensors; `iter`, the number of steps, comes first, as tfjs's own optimizers have it. */
export function weightsOf({ tensors, ...header }: Checkpoint, iterations: number): NamedTensor[] {
  const single = Object.entries(tensors).filter(([, { dtype }]) => dtype === "float64");
  const arrays = Object.entries(tensors).filter(([, { dtype }]) => dtype === "float32");
  const bits = new Int32Array(Float64Array.from(single, ([, { values }]) => values[0] as number).buffer);
  const text = new TextEncoder().encode(JSON.stringify({ ...header, numbers: single.map(([key]) => key) }));
  return [
    { name: "iter", tensor: tf.scalar(iterations, "int32") },
    { name: HEADER, tensor: tf.tensor1d(Int32Array.from(text), "int32") },
    { name: NUMBERS, tensor: tf.tensor2d(bits, [single.length, 2], "int32") },
    ...arrays.map(([name, { shape, values }]) => ({ name, tensor: tf.tensor(values, [...shape], "float32") })),
  ];
}

const isNamed = (weight: NamedTensor | null | undefined): boolean =>
  weight?.tensor instanceof tf.Tensor && !weight.tensor.isDisposed && typeof weight.name === "string";

const expected = "expected what getWeights() of a HyperOptimizer returned";

/**
 * The checkpoint that `weightsOf` turned into tensors.
 *
 * @throws Error for weights that another optimizer made, and for damaged ones.
 */
export async function checkpointOf(weights: readonly NamedTensor[]): Promise<Checkpoint> {
  const given: unknown = weights;
  if (!Array.isArray(given) || !given.every(isNamed)) {
    throw new Error(`setWeights: the weights are ${shown(weights)}; ${expected}, a list of { name, tensor }.`);
  }
  const byName = new Map(weights.map(({ name, tensor }) => [name, tensor]));
  const header = byName.get(HEADER);
  const numbers = byName.get(NUMBERS);
  if (!header || !numbers) {
    throw new Error(
      `setWeights: there is no "${HEADER}" or no "${NUMBERS}" among ${byName.size > 0 ? listed(byName.keys()) : "no weights"}; ${expected}.`,
    );
  }
  const { numbers: keys, ...rest } = headerOf(await header.data());
  // A copy, that begins where its buffer does.
  const bits = Int32Array.from(await numbers.data());
  if (bits.length !== 2 * keys.length) {
    throw new Error(
      `setWeights: "${NUMBERS}" has ${bits.length} words; expected two for each of its ${keys.length} numbers. ${damaged}`,
    );
  }
  const values = new Float64Array(bits.buffer);
  const tensors = keys.map((key, i): [string, StoredTensor] => [
    key,
    { dtype: "float64", shape: [], values: values.slice(i, i + 1) },
  ]);
  for (const [name, tensor] of byName) {
    if (name === "iter" || name === HEADER || name === NUMBERS) continue;
    const values = Float32Array.from(await tensor.data<"float32">());
    tensors.push([name, { dtype: "float32", shape: tensor.shape, values }]);
  }
  return { ...rest, tensors: Object.fromEntries(tensors) } as Checkpoint;
}

const damaged = "The weights are damaged; load them again from where they were saved.";

/** What the header says; `restore` checks the rest of it. */
function headerOf(codes: ArrayLike<number>): { readonly numbers: readonly string[] } {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(codes)));
  } catch (cause) {
    throw new Error(`setWeights: "${HEADER}" is not JSON. ${damaged}`, { cause });
  }
  const numbers: unknown = isRecord(header) && header.numbers;
  if (!Array.isArray(numbers) || !numbers.every((key) => typeof key === "string")) {
    throw new Error(`setWeights: "${HEADER}" is ${shown(header)}; expected one that names its numbers. ${damaged}`);
  }
  return header as { readonly numbers: readonly string[] };
}
