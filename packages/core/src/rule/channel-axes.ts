/**
 * The output channels of a layer's weights, by their role.
 *
 * A tf.Variable does not know its layer, and an optimizer does not know its model, in `model.compile` neither. But TensorFlow.js names a weight by its layer and its role in it, `conv/depthwise_kernel`, with a
 * number behind it where that is taken. For most roles the last axis is the output channel, which is the default; here are those for which it is not.
 */
import type { VariableInfo } from "./variable.js";

/** What is read of a weight of a tfjs layer. */
export interface LayerWeight {
  /** The name that the layer gave it, such as "conv/depthwise_kernel". */
  readonly originalName: string;
  /** The tf.Variable, which has a name; tfjs declares it as a tf.Tensor, which has none. */
  read(): object;
}

/** What is read of a tfjs layer: models and wrappers contain others. */
export interface LayerLike {
  /** Its weights and those of the layers in it, frozen ones included. */
  readonly weights: readonly LayerWeight[];
}

/** Role → the rank of such a weight, and the axes that name an output channel. */
const roles: Readonly<Record<string, { readonly rank: number; readonly axes: readonly number[] }>> = {
  /** [height, width, in, multiplier]: an output channel is a pair of input channel and multiplier. */
  depthwise_kernel: { rank: 4, axes: [2, 3] },
  /** [vocabulary, dimension]: one row is one token. */
  embeddings: { rank: 2, axes: [0] },
};

/** The axes that name output channels of a variable with such a role in its name; undefined for all others, whose rank decides. */
export function axesByRole({ name, shape }: VariableInfo): readonly number[] | undefined {
  const [, role = ""] = /([^/]*?)(?:_\d+)?$/.exec(name) ?? [];
  const found = Object.hasOwn(roles, role) ? roles[role] : undefined;
  return found?.rank === shape.length ? found.axes : undefined;
}

/**
 * Which of a model's weights name output channels by other axes than the last: embeddings go by token, depthwise kernels by (channel, multiplier). Every optimizer finds the same by itself, from the names that
 * TensorFlow.js gives to variables; this is to look at it. A conv2dTranspose kernel [height, width, out, in] goes by its last axis, as FTP's official code does; for its output channels say
 * `channelAxis: { "up/kernel": 2 }`.
 *
 * @param model A tf.LayersModel or a layer.
 * @returns Variable name → axes.
 */
export function channelAxesOf(model: LayerLike): Record<string, readonly number[]> {
  const axes: Record<string, readonly number[]> = {};
  for (const weight of model.weights) {
    const { name, shape } = weight.read() as Partial<VariableInfo>;
    const found = shape && axesByRole({ name: weight.originalName, shape });
    if (found && name !== undefined) axes[name] = found;
  }
  return axes;
}
