/** The activation at the end of a fused kernel, as a kernel of its own. */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs-core";
import { address, run, sizeOf } from "./backend.js";
import { machineOf } from "./machine.js";
import { repeats } from "./prelu.js";

/** The names of the kernels, by the names that tfjs gives the activations. */
const kernels: Readonly<Record<string, string>> = {
  prelu: "Prelu",
  leakyrelu: "LeakyRelu",
  sigmoid: "Sigmoid",
  elu: "Elu",
};

/** Activations that put values between bounds, which is done where they are. */
const bounds: Readonly<Record<string, [least: number, most: number]>> = { relu: [0, Infinity], relu6: [0, 6] };

/** Whether a stock fused kernel can take the slopes of a prelu: it repeats them along a result of this shape without a look at their own. */
export const fusable = ({ preluActivationWeights: slopes }: NamedTensorInfoMap, shape: readonly number[]): boolean =>
  !slopes || repeats(slopes.shape, shape);

/** What a kernel does with its sums in the same pass: a bias for each channel, whose address may be 0 (none), and bounds. */
export interface Finish {
  readonly bias: number;
  readonly low: number;
  readonly high: number;
}

export const unchanged: Finish = { bias: 0, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

/** What `sums` makes, given a bias and bounds, activated as the attributes of a fused kernel ask for. */
export function finished(
  backend: BackendWasm,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
  sums: (finish: Finish) => TensorInfo,
): TensorInfo {
  const between = bounds[attrs["activation"] as string];
  const [low, high] = between ?? [unchanged.low, unchanged.high];
  const out = sums({ low, high, bias: inputs["bias"] ? address(backend, inputs["bias"]) : 0 });
  return between ? out : activate(backend, out, inputs, attrs);
}

/** x, activated as the attributes of a fused kernel ask for; x itself is disposed, or becomes it. */
export function activate(
  backend: BackendWasm,
  x: TensorInfo,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
): TensorInfo {
  const activation = (attrs["activation"] ?? "linear") as string;
  if (activation === "linear") return x;
  const between = bounds[activation];
  if (between) {
    const at = address(backend, x);
    machineOf(backend).clip(at, at, sizeOf(x), ...between);
    return x;
  }
  const kernel = kernels[activation];
  if (!kernel) {
    throw new Error(
      `The WASM backend has no fused activation "${activation}". It has linear, ${[...Object.keys(bounds), ...Object.keys(kernels)].join(", ")}.`,
    );
  }
  const alpha = inputs["preluActivationWeights"];
  const out = run(
    backend,
    kernel,
    alpha && activation === "prelu" ? { x, alpha } : { x },
    activation === "leakyrelu" ? { alpha: attrs["leakyreluAlpha"] ?? 0 } : {},
  );
  backend.disposeData(x.dataId);
  return out;
}

/** x + bias, activated: what a fused convolution does after the convolution; x itself is disposed, or becomes it. */
export function biasAndActivate(
  backend: BackendWasm,
  x: TensorInfo,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
): TensorInfo {
  const { bias } = inputs;
  if (!bias) return activate(backend, x, inputs, attrs);
  const sum = run(backend, "Add", { a: x, b: bias });
  backend.disposeData(x.dataId);
  return activate(backend, sum, inputs, attrs);
}
