/**
 * The output channels of a LayersModel's weights, by layer class.
 *
 * A tf.Variable does not know its layer. For most layers the last axis is the output channel, which is the default; here are those for
 * which it is not.
 */

/** What is read of a weight of a tfjs layer. */
export interface LayerWeight {
  /** The name that the layer gave it, such as "conv/depthwise_kernel". */
  readonly originalName: string;
  /** The tf.Variable, which has a name; tfjs declares it as a tf.Tensor, which has none. */
  read(): object;
}

/** What is read of a tfjs layer: models and wrappers contain others. */
export interface LayerLike {
  /** The layer's class, such as "Dense". */
  getClassName(): string;
  /** Its weights, frozen ones included. */
  readonly weights: readonly LayerWeight[];
  /** The layers of a model. */
  readonly layers?: readonly LayerLike[];
  /** The wrapped layer of a TimeDistributed. */
  readonly layer?: LayerLike;
}

/** Layer class, weight → the axes that name an output channel. */
const exceptions: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  /** [height, width, in, multiplier]: an output channel is a pair of input channel and multiplier. */
  DepthwiseConv2D: { depthwise_kernel: [2, 3] },
  SeparableConv2D: { depthwise_kernel: [2, 3] },
  /** [vocabulary, dimension]: one row is one token. */
  Embedding: { embeddings: [0] },
};

/**
 * Which axes of a model's weights name output channels, for `channelAxis` of `hyper` or `ftp`: embeddings by token, depthwise kernels by (channel, multiplier). Weights that are not in the record follow
 * their rank. A conv2dTranspose kernel [height, width, out, in] goes by its last axis, as FTP's official code does; override it with 2 for its output channels:
 * `{ ...channelAxesOf(model), "up/kernel": 2 }`.
 *
 * @param model A tf.LayersModel or a layer.
 * @returns Variable name → axes.
 */
export function channelAxesOf(model: LayerLike): Record<string, readonly number[]> {
  const axes: Record<string, readonly number[]> = {};
  const inner = [...(model.layers ?? []), ...(model.layer ? [model.layer] : [])];
  for (const layer of inner) Object.assign(axes, channelAxesOf(layer));
  for (const weight of model.weights) {
    const role = weight.originalName.split("/").at(-1) ?? "";
    const found = exceptions[model.getClassName()]?.[role];
    const { name } = weight.read() as { readonly name?: string };
    if (found && name) axes[name] = found;
  }
  return axes;
}
