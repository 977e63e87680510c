/**
 * Checkpoints as lists of named tensors, the form in which tfjs saves an optimizer.
 *
 * tfjs tensors have no float64, so the single numbers travel as their bits, in an int32 tensor of two words each, and the names as text.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Checkpoint } from "./checkpoint.js";
import type { StoredTensor } from "./safetensors.js";

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

/**
 * The checkpoint that `weightsOf` turned into tensors.
 *
 * @throws Error for weights that another optimizer made.
 */
export async function checkpointOf(weights: readonly NamedTensor[]): Promise<Checkpoint> {
  const byName = new Map(weights.map(({ name, tensor }) => [name, tensor]));
  const header = await byName.get(HEADER)?.data<"int32">();
  const numbers = await byName.get(NUMBERS)?.data<"int32">();
  if (!header || !numbers) {
    throw new Error(
      `setWeights: there is no "${HEADER}" or no "${NUMBERS}" among ${[...byName.keys()].join(", ") || "no weights"}; expected what getWeights() of a HyperOptimizer returned.`,
    );
  }
  const { numbers: keys, ...rest } = JSON.parse(new TextDecoder().decode(Uint8Array.from(header)));
  const values = new Float64Array(Int32Array.from(numbers).buffer);
  const tensors: Record<string, StoredTensor> = {};
  (keys as string[]).forEach((key, i) => {
    tensors[key] = { dtype: "float64", shape: [], values: values.slice(i, i + 1) };
  });
  for (const [name, tensor] of byName) {
    if (name === "iter" || name === HEADER || name === NUMBERS) continue;
    tensors[name] = {
      dtype: "float32",
      shape: tensor.shape,
      values: Float32Array.from(await tensor.data<"float32">()),
    };
  }
  return { ...rest, tensors };
}
