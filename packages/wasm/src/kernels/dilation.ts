/**
 * Grey-scale dilation: the maximum over a window of pixel plus kernel value, and its gradients, which go to where the maximum was found. The stock maximum begins at the
 * smallest positive number, so that none below it is found.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import {
  backend_util,
  Dilation2D,
  Dilation2DBackpropFilter,
  Dilation2DBackpropInput,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { memoryOf } from "../heap/internals.js";
import { address, type Call, internals, type Kernel, register, sizeOf, zeros } from "./backend.js";
import { checkShape, checkSize, float } from "./entrance.js";

type Geometry = ReturnType<typeof backend_util.computeDilation2DInfo>;

/** The tensor's numbers, until something is allocated. */
const numbersOf = (backend: BackendWasm, x: TensorInfo): Float32Array =>
  new Float32Array(memoryOf(internals(backend)).buffer, address(backend, x), sizeOf(x));

/** Calls `visit` with the index of every value of the result, the largest sum of its window, and the indices of the pixel and the kernel value that make it. */
function everyMaximum(
  g: Geometry,
  image: Float32Array,
  kernel: Float32Array,
  visit: (out: number, largest: number, pixel: number, tap: number) => void,
): void {
  const size = g.batchSize * g.outHeight * g.outWidth * g.inChannels;
  for (let out = 0; out < size; out++) {
    const c = out % g.inChannels;
    const column = Math.floor(out / g.inChannels) % g.outWidth;
    const row = Math.floor(out / g.inChannels / g.outWidth) % g.outHeight;
    const n = Math.floor(out / g.inChannels / g.outWidth / g.outHeight);
    let [largest, pixel, tap] = [Number.NEGATIVE_INFINITY, 0, 0];
    for (let h = 0; h < g.filterHeight; h++) {
      const y = row * g.strideHeight - g.padInfo.top + h * g.dilationHeight;
      if (y < 0 || y >= g.inHeight) continue;
      for (let w = 0; w < g.filterWidth; w++) {
        const x = column * g.strideWidth - g.padInfo.left + w * g.dilationWidth;
        if (x < 0 || x >= g.inWidth) continue;
        const at = ((n * g.inHeight + y) * g.inWidth + x) * g.inChannels + c;
        const of = (h * g.filterWidth + w) * g.inChannels + c;
        const sum = (image[at] as number) + (kernel[of] as number);
        if (sum > largest) [largest, pixel, tap] = [sum, at, of];
      }
    }
    visit(out, largest, pixel, tap);
  }
}

function geometryOf(kernel: string, { inputs, attrs }: Call): Geometry {
  const { x, filter } = inputs as { x: TensorInfo; filter: TensorInfo };
  checkSize(
    kernel,
    x.shape[3]!,
    `the channels of images [${x.shape}]`,
    filter.shape[2]!,
    `of kernels [${filter.shape}]`,
  );
  return backend_util.computeDilation2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number],
    attrs["strides"] as number,
    attrs["pad"] as "same",
    "NHWC",
    attrs["dilations"] as number,
  );
}

register(
  Dilation2D,
  (): Kernel => (call) => {
    const { inputs, backend } = call;
    const { x, filter } = inputs as { x: TensorInfo; filter: TensorInfo };
    const g = geometryOf(Dilation2D, call);
    const out = backend.makeOutput(g.outShape, "float32");
    const values = numbersOf(backend, out);
    everyMaximum(g, numbersOf(backend, x), numbersOf(backend, filter), (at, largest) => {
      values[at] = largest;
    });
    return out;
  },
  { x: float(4), filter: float(3) },
);

const gradient = (kernel: string, of: "x" | "filter") => (): Kernel => (call) => {
  const { inputs, backend } = call;
  const { x, filter, dy } = inputs as { x: TensorInfo; filter: TensorInfo; dy: TensorInfo };
  const g = geometryOf(kernel, call);
  checkShape(kernel, "dy", dy, g.outShape, "that of the result");
  const out = zeros(backend, (of === "x" ? x : filter).shape);
  const [sums, given] = [numbersOf(backend, out), numbersOf(backend, dy)];
  everyMaximum(g, numbersOf(backend, x), numbersOf(backend, filter), (at, _, pixel, tap) => {
    const i = of === "x" ? pixel : tap;
    sums[i] = (sums[i] as number) + (given[at] as number);
  });
  return out;
};

const operands = { x: float(4), filter: float(3), dy: float(4) };

register(Dilation2DBackpropInput, gradient(Dilation2DBackpropInput, "x"), operands);
register(Dilation2DBackpropFilter, gradient(Dilation2DBackpropFilter, "filter"), operands);
