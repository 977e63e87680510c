/**
 * Two-dimensional convolutions and both their gradients.
 *
 * The forward pass stays with XNNPACK, except where tfjs and XNNPACK disagree on the size of the result: there the stock kernel leaves zeros
 * or garbage, or writes past the end of its output.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import {
  Conv2D,
  Conv2DBackpropFilter,
  Conv2DBackpropInput,
  FusedConv2D,
  Slice,
  type TensorInfo,
  Transpose,
} from "@tensorflow/tfjs-core";
import { type Argument, count, moving, parallel, type Range, scratch } from "../threads/parallel.js";
import { activate, biasAndActivate, finished, fusable, unchanged } from "./activation.js";
import { address, type Call, type Kernel, register, run, withTemporaries, zeros } from "./backend.js";
import { checkShape, type Entrance, float, perhaps } from "./entrance.js";
import { gemmWork } from "./gemm-text.js";
import { convolutionOf, type Geometry, isEmpty, ofResult, xnnpackAgrees } from "./geometry.js";
import { type Machine, machineOf } from "./machine.js";
import { crop, type Image, pad, paddedZeros } from "./padding.js";
import { isPointwise, pointwise, pointwiseImageGradient, pointwiseKernelGradient } from "./pointwise.js";
import { isWinograd, winogradForward, winogradImageGradient, winogradKernelGradient } from "./winograd.js";

const channelsLast = [0, 2, 3, 1];
const channelsFirst = [0, 3, 1, 2];

/** Whether images are [batch, channels, height, width]. */
const isChannelsFirst = ({ attrs }: Call): boolean => attrs["dataFormat"] === "NCHW";

/**
 * The arguments that the three functions of the machine share, from n to spill. `depth`: how many values next to each other one tap takes;
 * `channels`: those of the operand that strips of 16 are taken from.
 */
function walk(
  machine: Machine,
  g: Geometry,
  { image, row }: { image: number; row: number },
  taps: number,
  depth: Argument,
  channels: number,
  n: Argument = count,
): Argument[] {
  const pixel = 4 * g.inChannels;
  return [
    ...[n, image, row, g.outHeight, g.outWidth, g.strideHeight * row, g.strideWidth * pixel],
    ...[g.filterHeight, g.dilationHeight * row, taps, g.dilationWidth * pixel, depth],
    ...[4 * g.filterWidth * g.inChannels * g.outChannels, channels, scratch(machine.spill)],
  ];
}

/** Multiplications that take some 50 µs. */
const WORTH = 2 ** 20;

/** Bytes of a result or of its gradient for each image. */
const resultBytes = (g: Geometry): number => 4 * g.outHeight * g.outWidth * g.outChannels;

/** So many units that are worth a thread's while, of `size` that are the whole convolution. */
function range(g: Geometry, size: number): Range {
  const [height, width] = g.filterShape;
  const all = (g.batchSize * resultBytes(g) * height * width * g.inChannels) / 4;
  return { size, grain: Math.ceil((WORTH * size) / all), scratch: gemmWork };
}

/** Taps that touch along the width are one tap, as deep as all of them. */
const joined = (g: Geometry): [taps: number, depth: number] =>
  g.dilationWidth === 1 ? [1, g.filterWidth * g.inChannels] : [g.filterWidth, g.inChannels];

/** x ∗ kernel. */
function forward(backend: BackendWasm, x: TensorInfo, kernel: TensorInfo, g: Geometry): TensorInfo {
  const out = zeros(backend, g.outShape);
  if (isEmpty(g)) return out;
  const machine = machineOf(backend);
  const image = pad(backend, x, g);
  parallel(machine.conv_forward, range(g, g.batchSize), [
    moving(address(backend, image.info), image.image),
    address(backend, kernel),
    moving(address(backend, out), resultBytes(g)),
    ...walk(machine, g, image, ...joined(g), g.outChannels),
  ]);
  if (image.owned) backend.disposeData(image.info.dataId);
  return out;
}

/** Addresses of the three operands of a gradient: x or its gradient, the kernel or its gradient, dy. */
type Operands = readonly [x: number, kernel: number, dy: number];

/** Adds the gradient with respect to the kernel to what is there. */
export function kernelGradientInto(backend: BackendWasm, g: Geometry, image: Image, operands: Operands): void {
  const machine = machineOf(backend);
  const [x, kernel, dy] = operands;
  const [taps, depth] = joined(g);
  // A sum over all images is one thread's: others take other rows of the kernel's gradient.
  const whole = { ...range(g, depth), ...(taps > 1 && { grain: depth }) };
  parallel(machine.conv_filter, { ...whole, grain: 2 * Math.ceil(whole.grain / 2) }, [
    ...[moving(x, 4), moving(kernel, 4 * g.outChannels), dy],
    ...walk(machine, g, image, taps, count, g.outChannels, g.batchSize),
  ]);
}

/** The gradient with respect to the kernel. */
function kernelGradient(backend: BackendWasm, x: TensorInfo, dy: TensorInfo, g: Geometry): TensorInfo {
  // Of few channels, packing would take longer than the product.
  if (!isEmpty(g) && isPointwise(g) && g.inChannels >= 32) return pointwiseKernelGradient(backend, x, dy, g);
  if (!isEmpty(g) && isWinograd(g)) return winogradKernelGradient(backend, x, dy, g);
  const out = zeros(backend, g.filterShape);
  if (isEmpty(g)) return out;
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
  const [x, kernel, dy] = operands;
  parallel(machine.conv_input, range(g, g.batchSize), [
    ...[moving(x, image.image), kernel, moving(dy, resultBytes(g))],
    ...walk(machine, g, image, taps, g.outChannels, width),
    apart,
  ]);
}

/** The gradient with respect to the image. */
function imageGradient(backend: BackendWasm, dy: TensorInfo, kernel: TensorInfo, g: Geometry): TensorInfo {
  if (isEmpty(g)) return zeros(backend, g.inShape);
  if (isPointwise(g)) return pointwiseImageGradient(backend, dy, kernel, g);
  if (isWinograd(g)) return winogradImageGradient(backend, dy, kernel, g);
  const image = paddedZeros(backend, g, g.inChannels);
  const turned = turnedKernel(backend, kernel, g);
  imageGradientInto(backend, g, image, [address(backend, image.info), address(backend, turned), address(backend, dy)]);
  backend.disposeData(turned.dataId);
  return crop(backend, image, g);
}

/** The attributes of a convolution of images with channels first, turned. */
function turnedAttributes({ attrs }: Call): Call["attrs"] {
  const { inputShape, pad: padding } = attrs as { inputShape?: number[]; pad: unknown };
  return {
    ...attrs,
    dataFormat: "NHWC",
    ...(Array.isArray(padding) && { pad: channelsLast.map((axis) => padding[axis]) }),
    ...(inputShape && { inputShape: channelsLast.map((axis) => inputShape[axis]!) }),
  };
}

/**
 * Runs `kernel` on images [batch, height, width, channels]; those of "NCHW" are turned to that, with whatever else has a height and a width, and the result is
 * turned back.
 */
function inChannelsLast(call: Call, images: readonly string[], kernel: Kernel, back = true): TensorInfo {
  if (!isChannelsFirst(call)) return kernel(call);
  const { backend, inputs } = call;
  return withTemporaries(backend, (keep) => {
    const turned = { ...inputs };
    for (const name of images) {
      const x = inputs[name];
      if (!x || x.shape.length < 3) continue;
      // Slopes and biases have no batch.
      const perm = x.shape.length === 3 ? [1, 2, 0] : channelsLast;
      turned[name] = keep(run(backend, Transpose, { x }, { perm }));
    }
    const out = kernel({ backend, inputs: turned, attrs: turnedAttributes(call) });
    return back ? run(backend, Transpose, { x: keep(out) }, { perm: channelsFirst }) : out;
  });
}

/** A convolution's operands. */
const operands: Entrance = { x: float(4), filter: float(4) };

/** Whether the stock kernel can do it. */
const forXnnpack = (g: Geometry): boolean => !isEmpty(g) && xnnpackAgrees(g);

register(
  Conv2D,
  (stock): Kernel =>
    (call) =>
      inChannelsLast(call, ["x"], (last) => {
        const { x, filter } = last.inputs as { x: TensorInfo; filter: TensorInfo };
        const g = convolutionOf(Conv2D, last, x.shape, filter.shape);
        if (!isEmpty(g) && isPointwise(g)) return pointwise(last.backend, x, filter, g, {});
        if (!isEmpty(g) && isWinograd(g)) return winogradForward(last.backend, x, filter, g, unchanged);
        return forXnnpack(g) ? stock(last) : forward(last.backend, x, filter, g);
      }),
  operands,
);

register(
  FusedConv2D,
  (stock): Kernel =>
    (call) =>
      inChannelsLast(call, ["x", "bias", "preluActivationWeights"], (last) => {
        const { inputs, backend, attrs } = last;
        const { x, filter, bias } = inputs as { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo };
        const g = convolutionOf(FusedConv2D, last, x.shape, filter.shape);
        const simple = !bias || (bias.shape.length === 1 && bias.shape[0] === g.outChannels);
        if (simple && !isEmpty(g) && isPointwise(g)) {
          return activate(backend, pointwise(backend, x, filter, g, bias ? { bias } : {}), inputs, attrs);
        }
        if (simple && !isEmpty(g) && isWinograd(g)) {
          return finished(backend, inputs, attrs, (finish) => winogradForward(backend, x, filter, g, finish));
        }
        if (simple && fusable(inputs, g.outShape) && forXnnpack(g)) return stock(last);
        return biasAndActivate(backend, run(backend, Conv2D, { x, filter }, attrs), inputs, attrs);
      }),
  { ...operands, bias: perhaps, preluActivationWeights: perhaps },
);

register(
  Conv2DBackpropFilter,
  (): Kernel => (call) =>
    inChannelsLast(
      call,
      ["x", "dy"],
      (last) => {
        const { x, dy } = last.inputs as { x: TensorInfo; dy: TensorInfo };
        const g = convolutionOf(Conv2DBackpropFilter, last, x.shape, last.attrs["filterShape"] as number[]);
        checkShape(Conv2DBackpropFilter, "dy", dy, g.outShape, ofResult);
        return kernelGradient(last.backend, x, dy, g);
      },
      false,
    ),
  { x: float(4), dy: float(4) },
);

/** The part of dy that the convolution has results for: tf.conv2dTranspose takes larger images than its output shape has room for, on every backend. */
function fitting({ inputs, backend }: Call, { outShape }: Geometry, keep: (x: TensorInfo) => TensorInfo): TensorInfo {
  const dy = inputs["dy"]!;
  const [batch, height, width, channels] = outShape;
  const [, ownHeight = 0, ownWidth = 0] = dy.shape;
  const larger = ownHeight >= height && ownWidth >= width && ownHeight + ownWidth > height + width;
  const part = larger
    ? keep(run(backend, Slice, { x: dy }, { begin: [0, 0, 0, 0], size: [-1, height, width, -1] }))
    : dy;
  checkShape(Conv2DBackpropInput, "dy", part, [batch, height, width, channels], ofResult);
  return part;
}

register(
  Conv2DBackpropInput,
  (): Kernel => (call) =>
    inChannelsLast(call, ["dy"], (last) =>
      withTemporaries(last.backend, (keep) => {
        const filter = last.inputs["filter"]!;
        const g = convolutionOf(Conv2DBackpropInput, last, last.attrs["inputShape"] as number[], filter.shape);
        return imageGradient(last.backend, fitting(last, g, keep), filter, g);
      }),
    ),
  { dy: float(4), filter: float(4) },
);
