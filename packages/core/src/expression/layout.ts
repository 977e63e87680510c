/**
 * Layout: how the elements of a tensor fall into channels.
 *
 * Where nobody says which axes name a channel, the rank decides: with two axes or more every index of the last axis is one output channel (dense and convolution kernels); with fewer, the whole tensor is one
 * channel. Depthwise kernels and embeddings differ: rule/channel-axes.ts.
 */
import type { Grain } from "./grain.js";

/** The shape of a tensor, its channels, and the shapes that values of every grain have in it. */
export interface Layout {
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly size: number;
  /** The axes that an output channel spans; a reduction per channel sums over these. */
  readonly reduced: readonly number[];
  /** Number of output channels. */
  readonly channels: number;
  /** The shape with the reduced axes kept as 1, so that it broadcasts. */
  readonly channelShape: readonly number[];
}

/** The number of elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** True where two shapes are the same. */
export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/**
 * The layout of a tensor.
 *
 * @param shape Its shape.
 * @param channelAxes The axes whose indices together name one output channel, each in [−rank, rank). Default: the last axis; none for
 *   fewer than two axes.
 * @param name The variable's name, for the error message.
 * @throws Error where an axis is out of range.
 */
export function layoutOf(shape: readonly number[], channelAxes?: readonly number[], name?: string): Layout {
  const rank = shape.length;
  const kept = (channelAxes ?? (rank < 2 ? [] : [rank - 1])).map((axis) => {
    if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
      throw new Error(
        `channelAxis: ${axis} is no axis of ${name === undefined ? "a tensor" : `"${name}"`}, whose shape is [${shape}]; expected ${rank === 0 ? "none, for a single number" : `a whole number from ${-rank} to ${rank - 1}`}.`,
      );
    }
    return axis < 0 ? axis + rank : axis;
  });
  const reduced = shape.map((_, axis) => axis).filter((axis) => !kept.includes(axis));
  const channelShape = shape.map((size, axis) => (kept.includes(axis) ? size : 1));
  return { shape, size: sizeOf(shape), reduced, channels: sizeOf(channelShape), channelShape };
}

/** The layout of a single number. */
export const scalarLayout: Layout = layoutOf([]);

/** The shape of one value per `grain`, broadcastable against the tensor. */
export function shapeOf(layout: Layout, grain: Grain): readonly number[] {
  return grain === "element" ? layout.shape : grain === "channel" ? layout.channelShape : [];
}

/** How many values of grain `of` one value of grain `per` covers in this tensor. */
export function countOf(layout: Layout, of: Grain, per: Grain): number {
  const values = (grain: Grain): number =>
    grain === "element" ? layout.size : grain === "channel" ? layout.channels : 1;
  return values(per) === 0 ? 0 : values(of) / values(per);
}
