/**
 * Depthwise convolutions and their gradients.
 *
 * With m output channels for each input channel, a depthwise convolution is one with a single output channel of the image in which every
 * channel stands m times; so only that case has loops.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { FusedDepthwiseConv2D, type TensorInfo } from "@tensorflow/tfjs-core";
import { count, moving, parallel } from "../threads/parallel.js";
import { biasAndActivate, type Finish, finished, fusable, unchanged } from "./activation.js";
import { address, type Call, type Kernel, register, run, sizeOf, threaded, withTemporaries, zeros } from "./backend.js";
import { checkShape, type Entrance, float, perhaps, refuse } from "./entrance.js";
import { convolutionOf, type Geometry, isEmpty, ofResult, xnnpackAgrees } from "./geometry.js";
import { machineOf } from "./machine.js";

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

/** x with every channel `times` times. */
function widened(backend: BackendWasm, x: TensorInfo, keep: (x: TensorInfo) => TensorInfo, times: number): TensorInfo {
  if (times === 1) return x;
  const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
  const wide = keep(backend.makeOutput([batch, height, width, channels * times], "float32"));
  machineOf(backend).repeat(address(backend, x), address(backend, wide), sizeOf(x), times);
  return wide;
}

/** Where images of so many channels are, [batch, height, width, channels]; steps in bytes: to the next image, row and column. */
const steps = (height: number, width: number, channels: number): [number, number, number] => [
  4 * height * width * channels,
  4 * width * channels,
  4 * channels,
];

/**
 * One axis, as the machine walks over it: `count` outputs, `by` inputs apart, the first of which has its first tap at the input `from`; `taps` taps, `tapBy`
 * inputs apart, the first of which is `firstTap` and the next one `everyTap` further.
 */
interface Axis {
  readonly count: number;
  readonly by: number;
  readonly from: number;
  readonly taps: number;
  readonly tapBy: number;
  readonly firstTap: number;
  readonly everyTap: number;
}

/** An axis of the forward pass. */
const forwardAxis = (count: number, by: number, padding: number, taps: number, tapBy: number): Axis => ({
  ...{ count, by, from: -padding, taps, tapBy, firstTap: 0, everyTap: 1 },
});

/**
 * The axes of the gradient with respect to the image, one for every remainder of an input by the stride: these are touched by the same taps, and their results
 * lie next to each other.
 */
function gradientAxes(size: number, stride: number, padding: number, taps: number, dilation: number): Axis[] {
  return Array.from({ length: Math.min(stride, size) }, (_, phase) => {
    const touching = Array.from({ length: taps }, (_, tap) => tap).filter(
      (tap) => (phase + padding - tap * dilation) % stride === 0,
    );
    // From the last one on, so that inputs and results are walked over in the same direction.
    const [firstTap = 0, next = firstTap - 1] = touching.reverse();
    const everyTap = next - firstTap;
    return {
      ...{ count: Math.ceil((size - phase) / stride), by: 1, from: (phase + padding - firstTap * dilation) / stride },
      ...{ taps: touching.length, tapBy: (-everyTap * dilation) / stride, firstTap, everyTap },
    };
  });
}

/** The outputs, first to before last, all of whose taps are on an axis of `size` inputs. */
function inside({ count, by, from, taps, tapBy }: Axis, size: number): [first: number, last: number] {
  const reach = (taps - 1) * tapBy;
  const first = Math.max(0, Math.ceil((-from - Math.min(0, reach)) / by));
  return [first, Math.min(count, Math.floor((size - 1 - from - Math.max(0, reach)) / by) + 1)];
}

/** Multiplications that take some 50 µs. */
const WORTH = 2 ** 18;

/** y [batch, rows.count, columns.count, channels] of x [batch, height, width, channels], at these addresses. */
function gather(
  backend: BackendWasm,
  g: Geometry,
  [x, height, width]: readonly [address: number, height: number, width: number],
  kernel: number,
  [y, ySteps]: readonly [address: number, steps: readonly number[]],
  [rows, columns]: readonly [Axis, Axis],
  { bias, low, high }: Finish,
): void {
  const tap = 4 * g.outChannels;
  const [image, ...inImage] = steps(height, width, g.outChannels);
  const work = rows.count * columns.count * rows.taps * columns.taps * g.outChannels;
  parallel(machineOf(backend).depthwise_gather, { size: g.batchSize, grain: Math.ceil(WORTH / work) }, [
    ...[moving(x, image), image, ...inImage, height, width],
    kernel + (rows.firstTap * g.filterWidth + columns.firstTap) * tap,
    ...[rows.everyTap * g.filterWidth * tap, columns.everyTap * tap, rows.taps, columns.taps],
    ...[moving(y, ySteps[0]!), ...ySteps, rows.count, columns.count, count],
    ...[rows.by, rows.from, rows.tapBy, columns.by, columns.from, columns.tapBy],
    ...[...inside(columns, width), g.outChannels, bias, low, high],
  ]);
}

/** x ∗ kernel; x has the result's channels. */
function convolve(
  backend: BackendWasm,
  g: Geometry,
  x: TensorInfo,
  kernel: TensorInfo,
  out: TensorInfo,
  finish: Finish,
): void {
  const { padInfo } = g;
  gather(
    backend,
    g,
    [address(backend, x), g.inHeight, g.inWidth],
    address(backend, kernel),
    [address(backend, out), steps(g.outHeight, g.outWidth, g.outChannels)],
    [
      forwardAxis(g.outHeight, g.strideHeight, padInfo.top, g.filterHeight, g.dilationHeight),
      forwardAxis(g.outWidth, g.strideWidth, padInfo.left, g.filterWidth, g.dilationWidth),
    ],
    finish,
  );
}

/** The gradient with respect to an image with the result's channels. */
function differentiate(backend: BackendWasm, g: Geometry, dy: TensorInfo, kernel: TensorInfo, dx: TensorInfo): void {
  const [image, row, column] = steps(g.inHeight, g.inWidth, g.outChannels);
  const { strideHeight, strideWidth, padInfo } = g;
  const columns = gradientAxes(g.inWidth, strideWidth, padInfo.left, g.filterWidth, g.dilationWidth);
  gradientAxes(g.inHeight, strideHeight, padInfo.top, g.filterHeight, g.dilationHeight).forEach((vertical, i) => {
    columns.forEach((horizontal, j) => {
      gather(
        backend,
        g,
        [address(backend, dy), g.outHeight, g.outWidth],
        address(backend, kernel),
        [address(backend, dx) + i * row + j * column, [image, strideHeight * row, strideWidth * column]],
        [vertical, horizontal],
        unchanged,
      );
    });
  });
}

/** Adds the gradient with respect to the kernel to what is there; x has the result's channels. */
function kernelGradient(backend: BackendWasm, g: Geometry, x: TensorInfo, dy: TensorInfo, out: TensorInfo): void {
  const machine = machineOf(backend);
  machine.depthwise_filter(
    ...[address(backend, x), ...steps(g.inHeight, g.inWidth, g.outChannels), g.inHeight, g.inWidth],
    ...[address(backend, out), g.filterHeight, g.filterWidth],
    ...[address(backend, dy), g.outHeight, g.outWidth, g.batchSize],
    ...[g.strideHeight, -g.padInfo.top, g.dilationHeight, g.strideWidth, -g.padInfo.left, g.dilationWidth],
    ...[g.outChannels, machine.spill],
  );
}

const multiplier = (g: Geometry): number => g.filterShape[3];

const operands: Entrance = { x: float(4), filter: float(4) };

/** The convolution, finished. */
function convolution(backend: BackendWasm, g: Geometry, x: TensorInfo, filter: TensorInfo, finish: Finish): TensorInfo {
  const out = backend.makeOutput([...g.outShape], "float32");
  return withTemporaries(backend, (keep) => {
    convolve(backend, g, widened(backend, x, keep, multiplier(g)), filter, out, finish);
    return out;
  });
}

/** Whether XNNPACK computes it, and does it faster: on several threads, or where windows do not overlap much. */
const forXnnpack = (backend: BackendWasm, g: Geometry): boolean =>
  xnnpackAgrees(g) && (threaded(backend) || g.strideWidth > 1);

register(
  forward,
  (stock): Kernel =>
    (call) => {
      const { inputs, backend } = call;
      const { x, filter } = inputs as { x: TensorInfo; filter: TensorInfo };
      const g = geometryOf(forward, call, x.shape, filter.shape);
      if (isEmpty(g)) return zeros(backend, g.outShape);
      return forXnnpack(backend, g) ? stock(call) : convolution(backend, g, x, filter, unchanged);
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
      if (simple && !isEmpty(g)) {
        if (fusable(inputs, g.outShape) && forXnnpack(backend, g)) return stock(call);
        return finished(backend, inputs, attrs, (finish) => convolution(backend, g, x, filter, finish));
      }
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
      kernelGradient(backend, g, widened(backend, x, keep, multiplier(g)), dy, out);
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
    const out = backend.makeOutput([...g.inShape], "float32");
    if (times === 1) {
      differentiate(backend, g, dy, filter, out);
      return out;
    }
    return withTemporaries(backend, (keep) => {
      const wide = keep(backend.makeOutput([...g.inShape.slice(0, 3), g.outChannels], "float32"));
      differentiate(backend, g, dy, filter, wide);
      machineOf(backend).sum_groups(address(backend, wide), address(backend, out), sizeOf(out), times);
      return out;
    });
  },
  { dy: float(4), filter: float(4) },
);
