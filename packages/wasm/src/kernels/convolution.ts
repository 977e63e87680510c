/**
 * Two-dimensional convolutions and both their gradients.
 *
 * The forward pass stays with XNNPACK, except where tfjs and XNNPACK disagree on the size of the result: there the stock kernel leaves zeros
 * or garbage, or writes past the end of its output.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { backend_util, type TensorInfo } from "@tensorflow/tfjs-core";
import { biasAndActivate } from "./activation.js";
import { address, type Call, type Kernel, register, run, sizeOf, withTemporaries, zeros } from "./backend.js";
import { type Machine, machineOf } from "./machine.js";
import { crop, type Geometry, type Image, pad, paddedZeros, xnnpackAgrees } from "./padding.js";

type Pair = [number, number];
type Shape4 = [number, number, number, number];

const channelsLast = [0, 2, 3, 1];
const channelsFirst = [0, 3, 1, 2];

/** Whether images are [batch, channels, height, width]. */
const isChannelsFirst = ({ attrs }: Call): boolean => attrs["dataFormat"] === "NCHW";

/** The geometry of the convolution of an image [batch, height, width, channels]. */
function geometryOf({ attrs }: Call, image: number[], kernel: number[], depthwise = false): Geometry {
  return backend_util.computeConv2DInfo(
    image as Shape4,
    kernel as Shape4,
    attrs["strides"] as unknown as Pair,
    (attrs["dilations"] ?? 1) as unknown as Pair,
    attrs["pad"] as "same",
    attrs["dimRoundingMode"] as "floor",
    depthwise,
    "channelsLast",
  );
}

/**
 * The arguments that the three functions of the machine share, from n to spill. `depth`: how many values next to each other one tap takes;
 * `channels`: those of the operand that strips of 16 are taken from.
 */
function walk(
  machine: Machine,
  g: Geometry,
  { image, row }: { image: number; row: number },
  taps: number,
  depth: number,
  channels: number,
): number[] {
  const pixel = 4 * g.inChannels;
  return [
    ...[g.batchSize, image, row, g.outHeight, g.outWidth, g.strideHeight * row, g.strideWidth * pixel],
    ...[g.filterHeight, g.dilationHeight * row, taps, g.dilationWidth * pixel, depth],
    ...[4 * g.filterWidth * g.inChannels * g.outChannels, channels, machine.spill],
  ];
}

/** Taps that touch along the width are one tap, as deep as all of them. */
const joined = (g: Geometry): [taps: number, depth: number] =>
  g.dilationWidth === 1 ? [1, g.filterWidth * g.inChannels] : [g.filterWidth, g.inChannels];

/** x ∗ kernel. */
function forward(backend: BackendWasm, x: TensorInfo, kernel: TensorInfo, g: Geometry): TensorInfo {
  const out = zeros(backend, g.outShape);
  if (sizeOf(x) === 0 || sizeOf(kernel) === 0 || sizeOf(out) === 0) return out;
  const machine = machineOf(backend);
  const image = pad(backend, x, g);
  const addresses = [image.info, kernel, out].map((info) => address(backend, info));
  machine.conv_forward(...addresses, ...walk(machine, g, image, ...joined(g), g.outChannels));
  if (image.owned) backend.disposeData(image.info.dataId);
  return out;
}

/** Addresses of the three operands of a gradient: x or its gradient, the kernel or its gradient, dy. */
type Operands = readonly [x: number, kernel: number, dy: number];

/** Adds the gradient with respect to the kernel to what is there. */
export function kernelGradientInto(backend: BackendWasm, g: Geometry, image: Image, operands: Operands): void {
  const machine = machineOf(backend);
  machine.conv_filter(...operands, ...walk(machine, g, image, ...joined(g), g.outChannels));
}

/** The gradient with respect to the kernel. */
function kernelGradient(backend: BackendWasm, x: TensorInfo, dy: TensorInfo, g: Geometry): TensorInfo {
  const out = zeros(backend, g.filterShape);
  if (sizeOf(x) === 0 || sizeOf(dy) === 0) return out;
  const image = pad(backend, x, g);
  kernelGradientInto(backend, g, image, [address(backend, image.info), address(backend, out), address(backend, dy)]);
  if (image.owned) backend.disposeData(image.info.dataId);
  return out;
}

/** Of few channels, all taps along the width fit into one strip of 16 columns, in which most would stay empty otherwise. */
function strips(g: Geometry): { readonly taps: number; readonly width: number; readonly apart: number } {
  const [joins, depth] = joined(g);
  const fits = joins === 1 && Math.ceil(depth / 16) < g.filterWidth * Math.ceil(g.inChannels / 16);
  return fits
    ? { taps: 1, width: depth, apart: Math.ceil(g.filterWidth / g.strideWidth) }
    : { taps: g.filterWidth, width: g.inChannels, apart: 1 };
}

/** The kernel with its input channels last, as the gradient with respect to the image takes it; `slices` of them. */
export function turnedKernel(backend: BackendWasm, kernel: TensorInfo, g: Geometry, slices = 1): TensorInfo {
  const { taps, width } = strips(g);
  const turned = backend.makeOutput([slices, g.filterHeight, taps, g.outChannels, width], "float32");
  machineOf(backend).transpose(
    ...([address(backend, kernel), address(backend, turned)] as const),
    ...([slices * g.filterHeight * taps, width, g.outChannels] as const),
  );
  return turned;
}

/** Adds the gradient with respect to a padded image to what is there; the kernel is a turned one. */
export function imageGradientInto(backend: BackendWasm, g: Geometry, image: Image, operands: Operands): void {
  const machine = machineOf(backend);
  const { taps, width, apart } = strips(g);
  machine.conv_input(...operands, ...walk(machine, g, image, taps, g.outChannels, width), apart);
}

/** The gradient with respect to the image. */
function imageGradient(backend: BackendWasm, dy: TensorInfo, kernel: TensorInfo, g: Geometry): TensorInfo {
  if (sizeOf(dy) === 0 || sizeOf(kernel) === 0) return zeros(backend, g.inShape);
  const image = paddedZeros(backend, g, g.inChannels);
  const turned = turnedKernel(backend, kernel, g);
  imageGradientInto(backend, g, image, [address(backend, image.info), address(backend, turned), address(backend, dy)]);
  backend.disposeData(turned.dataId);
  return crop(backend, image, g);
}

/** Runs `kernel` on images [batch, height, width, channels]; those of "NCHW" are turned to that, and the result turned back. */
function inChannelsLast(
  call: Call,
  images: readonly string[],
  kernel: (call: Call) => TensorInfo,
  back = true,
): TensorInfo {
  if (!isChannelsFirst(call)) return kernel(call);
  const { backend, inputs, attrs } = call;
  return withTemporaries(backend, (keep) => {
    const turned = { ...inputs };
    for (const name of images)
      turned[name] = keep(run(backend, "Transpose", { x: inputs[name]! }, { perm: channelsLast }));
    const inputShape = attrs["inputShape"] as number[] | undefined;
    const out = kernel({
      backend,
      inputs: turned,
      attrs: {
        ...attrs,
        dataFormat: "NHWC",
        ...(inputShape && { inputShape: channelsLast.map((axis) => inputShape[axis]!) }),
      },
    });
    return back ? run(backend, "Transpose", { x: keep(out) }, { perm: channelsFirst }) : out;
  });
}

register(
  "Conv2D",
  (stock): Kernel =>
    (call) =>
      inChannelsLast(call, ["x"], (last) => {
        const { x, filter } = last.inputs as { x: TensorInfo; filter: TensorInfo };
        const g = geometryOf(last, x.shape, filter.shape);
        const empty = sizeOf(x) === 0 || sizeOf(filter) === 0;
        return !empty && xnnpackAgrees(g) ? stock(last) : forward(last.backend, x, filter, g);
      }),
);

register(
  "FusedConv2D",
  (stock): Kernel =>
    (call) =>
      inChannelsLast(call, ["x"], (last) => {
        const { inputs, backend, attrs } = last;
        const { x, filter, bias } = inputs as { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo };
        const simple = sizeOf(x) > 0 && sizeOf(filter) > 0 && (!bias || bias.shape.length === 1);
        if (simple && xnnpackAgrees(geometryOf(last, x.shape, filter.shape))) return stock(last);
        return biasAndActivate(backend, run(backend, "Conv2D", { x, filter }, attrs), inputs, attrs);
      }),
);

register(
  "Conv2DBackpropFilter",
  (): Kernel => (call) =>
    inChannelsLast(
      call,
      ["x", "dy"],
      (last) => {
        const { x, dy } = last.inputs as { x: TensorInfo; dy: TensorInfo };
        return kernelGradient(last.backend, x, dy, geometryOf(last, x.shape, last.attrs["filterShape"] as number[]));
      },
      false,
    ),
);

register(
  "Conv2DBackpropInput",
  (): Kernel => (call) =>
    inChannelsLast(call, ["dy"], (last) => {
      const { dy, filter } = last.inputs as { dy: TensorInfo; filter: TensorInfo };
      return imageGradient(
        last.backend,
        dy,
        filter,
        geometryOf(last, last.attrs["inputShape"] as number[], filter.shape),
      );
    }),
);
