/**
 * The image of a two-dimensional convolution with the padding around it: all kernels here work on padded images, in which no window leaves the image, so
 * that none needs a check for it.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { type TensorInfo, util } from "@tensorflow/tfjs-core";
import { address, sizeOf, zeros } from "./backend.js";
import type { Geometry } from "./geometry.js";
import { machineOf } from "./machine.js";

/** An image on the heap; strides in bytes. */
export interface Image {
  readonly info: TensorInfo;
  readonly row: number;
  readonly image: number;
}

/** The part of the padded image, height and width, that the windows touch. */
const extent = ({ outHeight, outWidth, strideHeight, strideWidth, ...kernel }: Geometry): [number, number] => [
  (outHeight - 1) * strideHeight + (kernel.filterHeight - 1) * kernel.dilationHeight + 1,
  (outWidth - 1) * strideWidth + (kernel.filterWidth - 1) * kernel.dilationWidth + 1,
];

const describe = (info: TensorInfo): Image => {
  const [, height = 0, width = 0, channels = 0] = info.shape;
  return { info, row: 4 * width * channels, image: 4 * height * width * channels };
};

/** Copies between an image and its padded form, in either direction: what both have. */
function copy(backend: BackendWasm, geometry: Geometry, image: Image, padded: Image, out: "image" | "padded"): void {
  const { padInfo } = geometry;
  const [, paddedHeight = 0, paddedWidth = 0, channels = 0] = padded.info.shape;
  const rows = Math.min(geometry.inHeight, paddedHeight - padInfo.top);
  const bytes = 4 * channels * Math.min(geometry.inWidth, paddedWidth - padInfo.left);
  if (rows <= 0 || bytes <= 0) return;
  const inside = address(backend, padded.info) + padInfo.top * padded.row + 4 * padInfo.left * channels;
  const ends = [
    [address(backend, image.info), image.image, image.row],
    [inside, padded.image, padded.row],
  ] as [number[], number[]];
  const [from, to] = out === "padded" ? ends : ends.reverse();
  machineOf(backend).copy_rows(...from!, ...to!, geometry.batchSize, rows, bytes);
}

/** x with zeros around it; x itself where there is no padding. `owned`: it is new, and to be disposed. */
export function pad(backend: BackendWasm, x: TensorInfo, geometry: Geometry): Image & { readonly owned: boolean } {
  const [height, width] = extent(geometry);
  const image = describe(x);
  const { top, left } = geometry.padInfo;
  if (top === 0 && left === 0 && height <= geometry.inHeight && width <= geometry.inWidth) {
    return { ...image, owned: false };
  }
  const padded = describe(zeros(backend, [geometry.batchSize, height, width, x.shape[3]!]));
  copy(backend, geometry, image, padded, "padded");
  return { ...padded, owned: true };
}

/** An image of zeros with room for the padding, to be summed into. */
export function paddedZeros(backend: BackendWasm, geometry: Geometry, channels: number): Image {
  const [height, width] = extent(geometry);
  return describe(zeros(backend, [geometry.batchSize, height, width, channels]));
}

/** The image without its padding. Frees the padded one. */
export function crop(backend: BackendWasm, padded: Image, geometry: Geometry): TensorInfo {
  const { batchSize, inHeight, inWidth } = geometry;
  const shape = [batchSize, inHeight, inWidth, padded.info.shape[3]!];
  const { top, left } = geometry.padInfo;
  if (top === 0 && left === 0 && util.arraysEqual(padded.info.shape, shape)) return padded.info;
  const out = zeros(backend, shape);
  if (sizeOf(out) > 0) copy(backend, geometry, describe(out), padded, "image");
  backend.disposeData(padded.info.dataId);
  return out;
}
