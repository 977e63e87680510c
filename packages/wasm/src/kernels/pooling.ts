/**
 * Two-dimensional pooling: its gradients, four channels at a time where the stock kernels go through the windows of every single input value; and the forward
 * pass where XNNPACK cannot do it, and the stock kernels leave garbage.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { AvgPool, AvgPoolGrad, Identity, MaxPool, MaxPoolGrad, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { count, moving, parallel } from "../threads/parallel.js";
import { address, type Kernel, register, run, zeros } from "./backend.js";
import { checkShape, type Entrance, float } from "./entrance.js";
import { type Geometry, isEmpty, ofResult, poolingOf, xnnpackAgrees } from "./geometry.js";
import { type Machine, machineOf } from "./machine.js";

/** Values under windows that take some 50 µs. */
const WORTH = 2 ** 17;

/** Runs one of the machine's loops over all windows. */
export function pool(
  backend: BackendWasm,
  loop: Extract<keyof Machine, `${string}_pool` | `${string}_pool_gradient`>,
  g: Geometry,
  [x, y, dy, dx]: readonly [x: TensorInfo, y: TensorInfo, dy: TensorInfo, dx: TensorInfo],
): void {
  const image = ({ shape }: TensorInfo): number => (4 * util.sizeFromShape(shape)) / g.batchSize;
  const work = (image(y) / 4) * g.filterHeight * g.filterWidth;
  parallel(machineOf(backend)[loop], { size: g.batchSize, grain: Math.ceil(WORTH / work) }, [
    ...[x, y, dy, dx].map((info) => moving(address(backend, info), image(info))),
    ...[count, g.inHeight, g.inWidth, g.inChannels, g.outHeight, g.outWidth, g.strideHeight, g.strideWidth],
    ...[g.filterHeight, g.filterWidth, g.padInfo.top, g.padInfo.left],
    // As tfjs defines the gradient of the mean: the same share at the border, where the forward pass divides by fewer.
    1 / (g.filterHeight * g.filterWidth),
  ]);
}

/** Whether XNNPACK computes this: it refuses windows of one value, and does not expect windows that lie in the padding altogether. */
function forXnnpack(g: Geometry): boolean {
  const { top, bottom, left, right } = g.padInfo;
  const onImage = Math.max(top, bottom) < g.filterHeight && Math.max(left, right) < g.filterWidth;
  return xnnpackAgrees(g) && onImage && g.filterHeight * g.filterWidth > 1;
}

const forward =
  (name: string, loop: "max_pool" | "average_pool") =>
  (stock: Kernel): Kernel =>
  (call) => {
    const x = call.inputs["x"]!;
    const g = poolingOf(name, call, x.shape);
    // The stock kernel refuses other types.
    if (x.dtype !== "float32" || (!isEmpty(g) && forXnnpack(g))) return stock(call);
    // tfjs takes windows of one value that leave the shape as it is to change nothing, whatever the padding is.
    if (g.filterHeight * g.filterWidth === 1 && util.arraysEqual(g.inShape, g.outShape)) {
      return run(call.backend, Identity, { x });
    }
    const out = zeros(call.backend, g.outShape);
    if (!isEmpty(g)) pool(call.backend, loop, g, [x, out, out, out]);
    return out;
  };

const gradient = (name: string, loop: "max_pool_gradient" | "average_pool_gradient") => (): Kernel => (call) => {
  const { dy, input, output } = call.inputs as { dy: TensorInfo; input: TensorInfo; output?: TensorInfo };
  const g = poolingOf(name, call, input.shape);
  checkShape(name, "dy", dy, g.outShape, ofResult);
  if (output) checkShape(name, "output", output, g.outShape, ofResult);
  const dx = zeros(call.backend, input.shape);
  if (!isEmpty(g)) pool(call.backend, loop, g, [input, output ?? dy, dy, dx]);
  return dx;
};

const operands: Entrance = { dy: float(4), input: float(4) };

register(MaxPool, forward(MaxPool, "max_pool"));
register(AvgPool, forward(AvgPool, "average_pool"));
register(MaxPoolGrad, gradient(MaxPoolGrad, "max_pool_gradient"), { ...operands, output: float(4) });
register(AvgPoolGrad, gradient(AvgPoolGrad, "average_pool_gradient"), operands);
