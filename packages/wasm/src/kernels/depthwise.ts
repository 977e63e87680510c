/**
 * Depthwise convolutions and their gradients.
 *
 * With m output channels for each input channel, a depthwise convolution is one with a single output channel of the image in which every
 * channel stands m times; so only that case has loops.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { backend_util, type TensorInfo } from "@tensorflow/tfjs-core";
import { biasAndActivate } from "./activation.js";
import { address, type Call, type Kernel, register, run, sizeOf, withTemporaries, zeros } from "./backend.js";
import { machineOf } from "./machine.js";
import { crop, type Geometry, pad, paddedZeros, xnnpackAgrees } from "./padding.js";

type Shape4 = [number, number, number, number];

function geometryOf({ attrs }: Call, image: number[], kernel: number[]): Geometry {
  const { dataFormat } = attrs;
  if (dataFormat !== undefined && dataFormat !== "NHWC") {
    throw new Error(`Depthwise convolutions on the WASM backend take images in "NHWC", and got "${dataFormat}".`);
  }
  return backend_util.computeConv2DInfo(
    image as Shape4,
    kernel as Shape4,
    attrs["strides"] as unknown as [number, number],
    (attrs["dilations"] ?? 1) as unknown as [number, number],
    attrs["pad"] as "same",
    attrs["dimRoundingMode"] as "floor",
    true,
  );
}

/** x, padded, with every channel `times` times. */
function widened(
  backend: BackendWasm,
  x: TensorInfo,
  g: Geometry,
  keep: (x: TensorInfo) => TensorInfo,
  times: number,
): TensorInfo {
  const image = pad(backend, x, g);
  const { info } = image;
  if (image.owned) keep(info);
  if (times === 1) return info;
  const wide = keep(backend.makeOutput([...info.shape.slice(0, 3), info.shape[3]! * times], "float32"));
  machineOf(backend).repeat(address(backend, info), address(backend, wide), sizeOf(info), times);
  return wide;
}

/** Runs one of the machine's three loops. */
function walk(
  backend: BackendWasm,
  loop: "depthwise_forward" | "depthwise_input" | "depthwise_filter",
  g: Geometry,
  x: TensorInfo,
  kernel: TensorInfo,
  y: TensorInfo,
): void {
  const [, height = 0, width = 0, channels = 0] = x.shape;
  const row = 4 * width * channels;
  machineOf(backend)[loop](
    ...[x, kernel, y].map((info) => address(backend, info)),
    ...[g.batchSize, height * row, g.outHeight, g.outWidth, g.strideHeight * row, 4 * g.strideWidth * channels],
    ...[g.filterHeight, g.dilationHeight * row, g.filterWidth, 4 * g.dilationWidth * channels, channels],
  );
}

const multiplier = (g: Geometry): number => g.filterShape[3];

register(
  "DepthwiseConv2dNative",
  (stock): Kernel =>
    (call) => {
      const { inputs, backend } = call;
      const { x, filter } = inputs as { x: TensorInfo; filter: TensorInfo };
      const g = geometryOf(call, x.shape, filter.shape);
      const empty = sizeOf(x) === 0 || sizeOf(filter) === 0;
      if (!empty && xnnpackAgrees(g)) return stock(call);
      const out = zeros(backend, g.outShape);
      if (empty || sizeOf(out) === 0) return out;
      return withTemporaries(backend, (keep) => {
        walk(backend, "depthwise_forward", g, widened(backend, x, g, keep, multiplier(g)), filter, out);
        return out;
      });
    },
);

register(
  "FusedDepthwiseConv2D",
  (stock): Kernel =>
    (call) => {
      const { inputs, backend, attrs } = call;
      const { x, filter, bias } = inputs as { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo };
      const simple = sizeOf(x) > 0 && sizeOf(filter) > 0 && (!bias || bias.shape.length === 1);
      if (simple && xnnpackAgrees(geometryOf(call, x.shape, filter.shape))) return stock(call);
      return biasAndActivate(backend, run(backend, "DepthwiseConv2dNative", { x, filter }, attrs), inputs, attrs);
    },
);

register(
  "DepthwiseConv2dNativeBackpropFilter",
  (): Kernel => (call) => {
    const { inputs, backend, attrs } = call;
    const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
    const g = geometryOf(call, x.shape, attrs["filterShape"] as number[]);
    const out = zeros(backend, g.filterShape);
    if (sizeOf(x) === 0 || sizeOf(dy) === 0) return out;
    return withTemporaries(backend, (keep) => {
      walk(backend, "depthwise_filter", g, widened(backend, x, g, keep, multiplier(g)), out, dy);
      return out;
    });
  },
);

register(
  "DepthwiseConv2dNativeBackpropInput",
  (): Kernel => (call) => {
    const { inputs, backend, attrs } = call;
    const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
    const g = geometryOf(call, attrs["inputShape"] as number[], filter.shape);
    if (sizeOf(dy) === 0 || sizeOf(filter) === 0) return zeros(backend, g.inShape);
    const times = multiplier(g);
    const wide = paddedZeros(backend, g, g.inChannels * times);
    walk(backend, "depthwise_input", g, wide.info, filter, dy);
    if (times === 1) return crop(backend, wide, g);
    const narrow = paddedZeros(backend, g, g.inChannels);
    machineOf(backend).sum_groups(
      address(backend, wide.info),
      address(backend, narrow.info),
      sizeOf(narrow.info),
      times,
    );
    backend.disposeData(wide.info.dataId);
    return crop(backend, narrow, g);
  },
);
