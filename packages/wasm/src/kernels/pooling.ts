/**
 * Two-dimensional pooling: its gradients, four channels at a time where the stock kernels go through the windows of every single input value; and the forward
 * pass where XNNPACK cannot do it, and the stock kernels leave garbage.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { backend_util, type MaxPoolAttrs, type MaxPoolGradAttrs, type TensorInfo } from "@tensorflow/tfjs-core";
import { address, type Call, type Kernel, register, sizeOf, zeros } from "./backend.js";
import { type Machine, machineOf } from "./machine.js";
import { type Geometry, xnnpackAgrees } from "./padding.js";

function geometryOf({ attrs }: Call, image: readonly number[]): Geometry {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as MaxPoolAttrs & MaxPoolGradAttrs;
  return backend_util.computePool2DInfo(
    image as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
}

/** Runs one of the machine's loops over all windows. */
export function pool(
  backend: BackendWasm,
  loop: Extract<keyof Machine, `${string}_pool` | `${string}_pool_gradient`>,
  g: Geometry,
  [x, y, dy, dx]: readonly [x: TensorInfo, y: TensorInfo, dy: TensorInfo, dx: TensorInfo],
): void {
  machineOf(backend)[loop](
    ...[x, y, dy, dx].map((info) => address(backend, info)),
    ...[g.batchSize, g.inHeight, g.inWidth, g.inChannels, g.outHeight, g.outWidth, g.strideHeight, g.strideWidth],
    ...[g.filterHeight, g.filterWidth, g.padInfo.top, g.padInfo.left],
    // As tfjs defines the gradient of the mean: the same share at the border, where the forward pass divides by fewer.
    1 / (g.filterHeight * g.filterWidth),
  );
}

/** Whether XNNPACK computes this: it refuses windows of one value, and does not expect windows that lie in the padding altogether. */
function forXnnpack(g: Geometry): boolean {
  const { top, bottom, left, right } = g.padInfo;
  const onImage = Math.max(top, bottom) < g.filterHeight && Math.max(left, right) < g.filterWidth;
  return xnnpackAgrees(g) && onImage && g.filterHeight * g.filterWidth > 1;
}

const forward =
  (loop: "max_pool" | "average_pool") =>
  (stock: Kernel): Kernel =>
  (call) => {
    const x = call.inputs["x"]!;
    const g = geometryOf(call, x.shape);
    // The stock kernel refuses other types.
    if (x.dtype !== "float32" || (sizeOf(x) > 0 && forXnnpack(g))) return stock(call);
    const out = zeros(call.backend, g.outShape);
    if (sizeOf(out) > 0) pool(call.backend, loop, g, [x, out, out, out]);
    return out;
  };

const gradient = (loop: "max_pool_gradient" | "average_pool_gradient") => (): Kernel => (call) => {
  const { dy, input, output } = call.inputs as { dy: TensorInfo; input: TensorInfo; output?: TensorInfo };
  const dx = zeros(call.backend, input.shape);
  if (sizeOf(dy) > 0) pool(call.backend, loop, geometryOf(call, input.shape), [input, output ?? dy, dy, dx]);
  return dx;
};

register("MaxPool", forward("max_pool"));
register("AvgPool", forward("average_pool"));
register("MaxPoolGrad", gradient("max_pool_gradient"));
register("AvgPoolGrad", gradient("average_pool_gradient"));
