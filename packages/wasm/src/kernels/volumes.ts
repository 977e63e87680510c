/**
 * Three-dimensional convolutions' gradients and max-pooling, slice by slice with what there is for images.
 *
 * The stock gradient with respect to the volume adds up in memory that it does not clear, and the stock pooling starts from the smallest positive number
 * instead of minus infinity, so that windows of negative values come out as 1e-38.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import {
  backend_util,
  Cast,
  Conv3DBackpropFilterV2,
  Conv3DBackpropInputV2,
  MaxPool3D,
  type MaxPool3DAttrs,
  MaxPool3DGrad,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { address, type Call, type Kernel, register, run, sizeOf, view, withTemporaries, zeros } from "./backend.js";
import { imageGradientInto, kernelGradientInto, turnedKernel } from "./convolution.js";
import { checkShape, checkSize, float } from "./entrance.js";
import type { Geometry } from "./geometry.js";
import { crop, pad, paddedZeros } from "./padding.js";
import { pool } from "./pooling.js";

type Shape5 = [number, number, number, number, number];
type Volume = backend_util.Conv3DInfo;

const ofResult = "that of the result, [batch, depth, height, width, channels]";

function volumeOf(name: string, { attrs }: Call, input: readonly number[], kernel: readonly number[]): Volume {
  checkSize(name, input.length, `volumes of so many axes`, 5, "the number that it takes");
  checkSize(name, input[4]!, `the channels of volumes [${input}]`, kernel[3]!, `those of filters [${kernel}]`);
  return backend_util.computeConv3DInfo(
    input as Shape5,
    kernel as Shape5,
    attrs["strides"] as unknown as [number, number, number],
    1,
    attrs["pad"] as "same",
  );
}

/** All slices of a volume, as a batch of images. */
function slices(g: Volume): Geometry {
  const batchSize = g.batchSize * g.inDepth;
  return {
    ...g,
    batchSize,
    inShape: [batchSize, g.inHeight, g.inWidth, g.inChannels],
    outShape: [batchSize, g.outHeight, g.outWidth, g.outChannels],
    filterShape: [g.filterHeight, g.filterWidth, g.inChannels, g.outChannels],
  } as unknown as Geometry;
}

/** The volume's slices as images. */
const imagesOf = (x: TensorInfo): TensorInfo => {
  const [n = 0, depth = 0, ...image] = x.shape;
  return view(x, [n * depth, ...image]);
};

/** Every slice of the volume and of the result that a tap along the depth connects; offsets of the tap and the result in bytes. */
function connected(g: Volume, use: (slice: number, kernel: number, out: number) => void): void {
  const kernelBytes = 4 * g.filterHeight * g.filterWidth * g.inChannels * g.outChannels;
  const outBytes = 4 * g.outHeight * g.outWidth * g.outChannels;
  for (let n = 0; n < g.batchSize; n++) {
    for (let out = 0; out < g.outDepth; out++) {
      for (let tap = 0; tap < g.filterDepth; tap++) {
        const slice = out * g.strideDepth + tap - g.padInfo.front;
        if (slice < 0 || slice >= g.inDepth) continue;
        use(n * g.inDepth + slice, tap * kernelBytes, (n * g.outDepth + out) * outBytes);
      }
    }
  }
}

register(
  Conv3DBackpropFilterV2,
  (): Kernel => (call) => {
    const { backend, inputs, attrs } = call;
    const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
    const g = volumeOf(Conv3DBackpropFilterV2, call, x.shape, attrs["filterShape"] as number[]);
    checkShape(Conv3DBackpropFilterV2, "dy", dy, g.outShape, ofResult);
    const out = zeros(backend, g.filterShape);
    if (sizeOf(x) === 0 || sizeOf(dy) === 0) return out;
    const images = slices(g);
    const padded = pad(backend, imagesOf(x), images);
    const [from, to, given] = [padded.info, out, dy].map((info) => address(backend, info)) as [number, number, number];
    connected(g, (slice, kernel, result) => {
      const operands = [from + slice * padded.image, to + kernel, given + result] as const;
      kernelGradientInto(backend, { ...images, batchSize: 1 }, padded, operands);
    });
    if (padded.owned) backend.disposeData(padded.info.dataId);
    return out;
  },
  { x: float(5), dy: float(5) },
);

register(
  Conv3DBackpropInputV2,
  (): Kernel => (call) => {
    const { backend, inputs, attrs } = call;
    const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
    const g = volumeOf(Conv3DBackpropInputV2, call, attrs["inputShape"] as number[], filter.shape);
    checkShape(Conv3DBackpropInputV2, "dy", dy, g.outShape, ofResult);
    if (sizeOf(dy) === 0 || sizeOf(filter) === 0) return zeros(backend, g.inShape);
    const images = slices(g);
    const padded = paddedZeros(backend, images, g.inChannels);
    const turned = turnedKernel(backend, filter, images, g.filterDepth);
    const [to, by, given] = [padded.info, turned, dy].map((info) => address(backend, info)) as [number, number, number];
    connected(g, (slice, kernel, result) => {
      const operands = [to + slice * padded.image, by + kernel, given + result] as const;
      imageGradientInto(backend, { ...images, batchSize: 1 }, padded, operands);
    });
    backend.disposeData(turned.dataId);
    return view(crop(backend, padded, images), g.inShape);
  },
  { dy: float(5), filter: float(5) },
);

/** Pooling of a volume: of its images, then of its depth, as images [depth, 1] with a channel for every value of a slice. */
interface Stages {
  readonly images: Geometry;
  readonly depth: Geometry;
  readonly outShape: readonly number[];
}

function stages({ attrs }: Call, input: readonly number[]): Stages {
  const { filterSize, strides, pad: padding, dimRoundingMode } = attrs as unknown as MaxPool3DAttrs;
  const g = backend_util.computePool3DInfo(input as Shape5, filterSize, strides, 1, padding as "same", dimRoundingMode);
  const images = slices(g);
  const depth = {
    ...{ ...images, batchSize: g.batchSize, inChannels: g.outHeight * g.outWidth * g.inChannels },
    ...{ inHeight: g.inDepth, outHeight: g.outDepth, strideHeight: g.strideDepth, filterHeight: g.filterDepth },
    ...{ inWidth: 1, outWidth: 1, strideWidth: 1, filterWidth: 1 },
    padInfo: { ...images.padInfo, top: g.padInfo.front, left: 0 },
  } as Geometry;
  return { images, depth, outShape: g.outShape };
}

/** The first stage's result. */
function poolImages(backend: BackendWasm, x: TensorInfo, { images, outShape }: Stages): TensorInfo {
  const out = zeros(backend, [images.batchSize, ...outShape.slice(2)]);
  pool(backend, "max_pool", images, [x, out, out, out]);
  return out;
}

register(
  MaxPool3D,
  (): Kernel => (call) => {
    const { backend, inputs } = call;
    return withTemporaries(backend, (keep) => {
      const given = inputs["x"] as TensorInfo;
      const x = given.dtype === "float32" ? given : keep(run(backend, Cast, { x: given }, { dtype: "float32" }));
      const both = stages(call, x.shape);
      const out = zeros(backend, both.outShape);
      if (sizeOf(x) === 0 || sizeOf(out) === 0) return out;
      const between = keep(poolImages(backend, x, both));
      pool(backend, "max_pool", both.depth, [between, out, out, out]);
      return out;
    });
  },
);

// The first maximum along the depth, and in that slice the first: the same value as the first one of the whole window.
register(
  MaxPool3DGrad,
  (): Kernel => (call) => {
    const { backend } = call;
    const { dy, input, output } = call.inputs as { dy: TensorInfo; input: TensorInfo; output: TensorInfo };
    const both = stages(call, input.shape);
    checkShape(MaxPool3DGrad, "dy", dy, both.outShape, ofResult);
    checkShape(MaxPool3DGrad, "output", output, both.outShape, ofResult);
    const dx = zeros(backend, input.shape);
    if (sizeOf(dy) === 0) return dx;
    return withTemporaries(backend, (keep) => {
      const between = keep(poolImages(backend, input, both));
      const dBetween = keep(zeros(backend, between.shape));
      pool(backend, "max_pool_gradient", both.depth, [between, output, dy, dBetween]);
      pool(backend, "max_pool_gradient", both.images, [input, between, dBetween, dx]);
      return dx;
    });
  },
  { dy: float(5), input: float(5), output: float(5) },
);
