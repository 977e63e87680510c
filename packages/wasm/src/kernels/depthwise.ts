/**
 * Depthwise convolutions and their gradients.
 *
 * With m output channels for each input channel, a depthwise convolution is one with a single output channel of the image in which every
 * channel stands m times; so only that case has loops.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { FusedDepthwiseConv2D, type TensorInfo } from "@tensorflow/tfjs-core";
import { biasAndActivate, fusable } from "./activation.js";
import { address, type Call, type Kernel, register, run, sizeOf, withTemporaries, zeros } from "./backend.js";
import { checkShape, type Entrance, float, perhaps, refuse } from "./entrance.js";
import { convolutionOf, type Geometry, isEmpty, ofResult, xnnpackAgrees } from "./geometry.js";
import { machineOf } from "./machine.js";
import { crop, pad, paddedZeros } from "./padding.js";

const forward = "DepthwiseConv2dNative";
const filterGradient = "DepthwiseConv2dNativeBackpropFilter";
const imageGradient = "DepthwiseConv2dNativeBackpropInput";

function geometryOf(kernel: string, call: Call, image: readonly number[], filter: readonly number[]): Geometry {
  const { dataFormat } = call.attrs;
  if (dataFormat !== undefined && dataFormat !== "NHWC") {
    refuse(kernel, `takes images in "NHWC", and got "${dataFormat}". Transpose them.`);
  }
  return convolutionOf(kernel, call, image, filter, true);
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

const operands: Entrance = { x: float(4), filter: float(4) };

register(
  forward,
  (stock): Kernel =>
    (call) => {
      const { inputs, backend } = call;
      const { x, filter } = inputs as { x: TensorInfo; filter: TensorInfo };
      const g = geometryOf(forward, call, x.shape, filter.shape);
      if (!isEmpty(g) && xnnpackAgrees(g)) return stock(call);
      const out = zeros(backend, g.outShape);
      if (isEmpty(g)) return out;
      return withTemporaries(backend, (keep) => {
        walk(backend, "depthwise_forward", g, widened(backend, x, g, keep, multiplier(g)), filter, out);
        return out;
      });
    },
  operands,
);

register(
  FusedDepthwiseConv2D,
  (stock): Kernel =>
    (call) => {
      const { inputs, backend, attrs } = call;
      const { x, filter, bias } = inputs as { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo };
      const g = geometryOf(FusedDepthwiseConv2D, call, x.shape, filter.shape);
      const simple = !bias || (bias.shape.length === 1 && bias.shape[0] === g.outChannels);
      if (simple && fusable(inputs, g.outShape) && !isEmpty(g) && xnnpackAgrees(g)) return stock(call);
      return biasAndActivate(backend, run(backend, forward, { x, filter }, attrs), inputs, attrs);
    },
  { ...operands, bias: perhaps, preluActivationWeights: perhaps },
);

register(
  filterGradient,
  (): Kernel => (call) => {
    const { inputs, backend, attrs } = call;
    const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
    const g = geometryOf(filterGradient, call, x.shape, attrs["filterShape"] as number[]);
    checkShape(filterGradient, "dy", dy, g.outShape, ofResult);
    const out = zeros(backend, g.filterShape);
    if (isEmpty(g)) return out;
    return withTemporaries(backend, (keep) => {
      walk(backend, "depthwise_filter", g, widened(backend, x, g, keep, multiplier(g)), out, dy);
      return out;
    });
  },
  { x: float(4), dy: float(4) },
);

register(
  imageGradient,
  (): Kernel => (call) => {
    const { inputs, backend, attrs } = call;
    const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
    const g = geometryOf(imageGradient, call, attrs["inputShape"] as number[], filter.shape);
    checkShape(imageGradient, "dy", dy, g.outShape, ofResult);
    if (isEmpty(g)) return zeros(backend, g.inShape);
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
  { dy: float(4), filter: float(4) },
);
