/**
 * The geometry of two-dimensional convolutions and pooling: what tfjs computes of shapes, strides and paddings, refused where no loop could follow it without
 * leaving its tensors. Images are [batch, height, width, channels].
 */
import { backend_util } from "@tensorflow/tfjs-core";
import type { Call } from "./backend.js";
import { checkSize, refuse } from "./entrance.js";

/** What tfjs computes of the shapes of a convolution, or of pooling. */
export type Geometry = backend_util.Conv2DInfo;

/** Whether XNNPACK takes the result to be of the size that tfjs takes it to be. */
export function xnnpackAgrees(geometry: Geometry): boolean {
  const { padInfo, inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth } = geometry;
  const { effectiveFilterHeight: height, effectiveFilterWidth: width } = geometry;
  // A stride that jumps over pixels makes the padding of "same" negative.
  if (padInfo.type === "SAME" && (height < strideHeight || width < strideWidth)) return false;
  const fits = (size: number, padding: number, kernel: number, stride: number, out: number) =>
    size + padding >= kernel && Math.floor((size + padding - kernel) / stride) + 1 === out;
  return (
    fits(inHeight, padInfo.top + padInfo.bottom, height, strideHeight, outHeight) &&
    fits(inWidth, padInfo.left + padInfo.right, width, strideWidth, outWidth)
  );
}

/** Whether nothing goes in, or nothing comes out. */
export const isEmpty = (g: Geometry): boolean =>
  g.inShape.includes(0) || g.filterShape.includes(0) || g.outShape.includes(0);

type Pair = [number, number];
type Shape4 = [number, number, number, number];

/** The geometry, if its padding is one and its windows fit into the padded image. */
function sound(kernel: string, g: Geometry): Geometry {
  const { top, bottom, left, right } = g.padInfo;
  if (!(Math.min(top, bottom, left, right) >= 0)) {
    refuse(
      kernel,
      `pads images, and got the paddings [${[top, bottom]}] and [${[left, right]}]. Use tf.slice to crop.`,
    );
  }
  if (!(g.outHeight >= 0 && g.outWidth >= 0 && Number.isInteger(g.outHeight + g.outWidth))) {
    refuse(
      kernel,
      `finds no place for windows of [${[g.effectiveFilterHeight, g.effectiveFilterWidth]}] at strides of [${[g.strideHeight, g.strideWidth]}] ` +
        `in images of [${[g.inHeight, g.inWidth]}] padded by [${[top, bottom]}] and [${[left, right]}].`,
    );
  }
  return g;
}

function checkAxes(kernel: string, of: string, shape: readonly number[]): void {
  if (shape.length !== 4) refuse(kernel, `takes ${of} of 4 axes, and was given the shape [${shape}].`);
}

/** The geometry of a convolution. */
export function convolutionOf(
  kernel: string,
  { attrs }: Call,
  image: readonly number[],
  filter: readonly number[],
  depthwise = false,
): Geometry {
  checkAxes(kernel, "images", image);
  checkAxes(kernel, "filters", filter);
  checkSize(kernel, image[3]!, `the channels of images [${image}]`, filter[2]!, `those of filters [${filter}]`);
  const g = backend_util.computeConv2DInfo(
    image as Shape4,
    filter as Shape4,
    attrs["strides"] as unknown as Pair,
    (attrs["dilations"] ?? 1) as unknown as Pair,
    attrs["pad"] as "same",
    attrs["dimRoundingMode"] as "floor",
    depthwise,
    "channelsLast",
  );
  return sound(kernel, g);
}

/** The geometry of pooling. */
export function poolingOf(kernel: string, { attrs }: Call, image: readonly number[]): Geometry {
  checkAxes(kernel, "images", image);
  const g = backend_util.computePool2DInfo(
    image as Shape4,
    attrs["filterSize"] as unknown as Pair,
    attrs["strides"] as unknown as Pair,
    1,
    attrs["pad"] as "same",
    attrs["dimRoundingMode"] as "floor",
  );
  return sound(kernel, g);
}

/** What is said of a shape that a result has. */
export const ofResult = "that of the result, [batch, height, width, channels]";
