/**
 * Convolutions of 3 × 3 and stride 1 in Winograd's form, which multiplies a quarter as often as the direct one; both gradients too.
 *
 * Its results are sums in another order: against float64 the largest error is about twice that of the direct form (a test holds it to four times), relative to
 * the largest result. `setPrecise(true)` picks the direct form.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { precise } from "../heap/precise.js";
import { count, moving, parallel, scratch } from "../threads/parallel.js";
import { type Finish, unchanged } from "./activation.js";
import { address, withTemporaries, zeros } from "./backend.js";
import type { Geometry } from "./geometry.js";
import { machineOf } from "./machine.js";
import { patchBytes, products } from "./winograd-text.js";

/** With fewer channels, transforms take longer than what they save. */
const fewest = 16;

/** Whether this form is faster, and wanted. */
export const isWinograd = (g: Geometry): boolean =>
  !precise() &&
  g.filterHeight === 3 &&
  g.filterWidth === 3 &&
  Math.max(g.strideHeight, g.strideWidth, g.dilationHeight, g.dilationWidth) === 1 &&
  Math.min(g.inChannels, g.outChannels) >= fewest &&
  (g.inChannels | g.outChannels) % 4 === 0;

const roundedUp = (channels: number): number => 16 * Math.ceil(channels / 16);

/** A convolution of stride 1, as the machine walks over it. */
interface Walk {
  readonly batch: number;
  readonly from: readonly [height: number, width: number, channels: number];
  readonly to: readonly [height: number, width: number, channels: number];
  readonly top: number;
  readonly left: number;
}

const walkOf = (g: Geometry): Walk => ({
  batch: g.batchSize,
  from: [g.inHeight, g.inWidth, g.inChannels],
  to: [g.outHeight, g.outWidth, g.outChannels],
  top: g.padInfo.top,
  left: g.padInfo.left,
});

/** Bytes of transformed tiles at a time: they stay in the second cache. */
const blockBytes = 1 << 19;

/** Multiplications that take some 50 µs. */
const WORTH = 2 ** 20;

/** How many tiles are transformed at a time, and the bytes of scratch memory for them. */
function blockOf({ batch, from, to }: Walk): { readonly block: number; readonly bytes: number } {
  const tile = 4 * products * (from[2] + roundedUp(to[2]));
  const tiles = batch * Math.ceil(to[0] / 4) * Math.ceil(to[1] / 4);
  const block = Math.max(4, Math.min(64, 2 * Math.floor(blockBytes / tile / 2), 2 * Math.ceil(tiles / 2)));
  return { block, bytes: patchBytes(Math.max(from[2], to[2])) + block * tile };
}

/** The arguments from n to scratch. */
function walk(backend: BackendWasm, w: Walk, keep: (x: TensorInfo) => TensorInfo): number[] {
  const { batch, from, to, top, left } = w;
  const { block, bytes } = blockOf(w);
  const scratch = keep(backend.makeOutput([Math.ceil(bytes / 4)], "float32"));
  return [batch, ...from, ...to, top, left, block, address(backend, scratch)];
}

/** y = x ∗ kernel, for taps that begin at `taps` and lead to one another by `step` values: [in, out]. */
function run(
  backend: BackendWasm,
  w: Walk,
  x: TensorInfo,
  taps: number,
  step: number,
  shape: number[],
  { bias, low, high }: Finish,
): TensorInfo {
  const out = backend.makeOutput(shape, "float32");
  return withTemporaries(backend, (keep) => {
    const machine = machineOf(backend);
    const [inputs, outputs] = [w.from[2], w.to[2]];
    const kernel = keep(backend.makeOutput([products, inputs, roundedUp(outputs)], "float32"));
    const walking = walk(backend, w, keep);
    const to = address(backend, kernel);
    machine.winograd_kernel(taps, 3 * step, step, to, inputs, outputs, walking.at(-1)!);
    const [images, results] = [w.from, w.to].map(([height, width, channels]) => 4 * height * width * channels);
    const work = products * Math.ceil(w.to[0] / 4) * Math.ceil(w.to[1] / 4) * inputs * outputs;
    parallel(machine.winograd_forward, { size: w.batch, grain: Math.ceil(WORTH / work), scratch: blockOf(w).bytes }, [
      ...[moving(address(backend, x), images!), to, moving(address(backend, out), results!)],
      ...[count, ...walking.slice(1, -1), scratch(walking.at(-1)!), bias, low, high],
    ]);
    return out;
  });
}

/** x ∗ kernel. */
export const winogradForward = (
  backend: BackendWasm,
  x: TensorInfo,
  kernel: TensorInfo,
  g: Geometry,
  finish: Finish,
): TensorInfo =>
  run(backend, walkOf(g), x, address(backend, kernel), 4 * g.inChannels * g.outChannels, g.outShape, finish);

/** The gradient with respect to the image: dy ∗ the kernel, its taps backwards and its channels exchanged. */
export function winogradImageGradient(
  backend: BackendWasm,
  dy: TensorInfo,
  kernel: TensorInfo,
  g: Geometry,
): TensorInfo {
  return withTemporaries(backend, (keep) => {
    const turned = keep(backend.makeOutput([3, 3, g.outChannels, g.inChannels], "float32"));
    const start = address(backend, turned);
    machineOf(backend).transpose(address(backend, kernel), start, 9, g.inChannels, g.outChannels);
    const { batch, from, to, top, left } = walkOf(g);
    const step = 4 * g.inChannels * g.outChannels;
    const back = { batch, from: to, to: from, top: 2 - top, left: 2 - left };
    return run(backend, back, dy, start + 8 * step, -step, g.inShape, unchanged);
  });
}

/** The gradient with respect to the kernel. */
export function winogradKernelGradient(backend: BackendWasm, x: TensorInfo, dy: TensorInfo, g: Geometry): TensorInfo {
  const out = backend.makeOutput(g.filterShape, "float32");
  return withTemporaries(backend, (keep) => {
    const machine = machineOf(backend);
    const gradient = keep(zeros(backend, [products, g.inChannels, roundedUp(g.outChannels)]));
    const walking = walk(backend, walkOf(g), keep);
    const from = address(backend, gradient);
    machine.winograd_filter(address(backend, x), from, address(backend, dy), ...walking);
    machine.winograd_kernel_gradient(from, address(backend, out), g.inChannels, g.outChannels, walking.at(-1)!);
    return out;
  });
}
