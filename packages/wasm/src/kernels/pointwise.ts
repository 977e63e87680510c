/** Convolutions of 1 × 1 and stride 1, with both gradients: products of matrices with a row for each pixel, which lie in the images as they are. */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { _FusedMatMul, BatchMatMul, type NamedTensorInfoMap, type TensorInfo } from "@tensorflow/tfjs-core";
import { run, view } from "./backend.js";
import type { Geometry } from "./geometry.js";

/** Whether every pixel of the result is of one pixel of the image, the same. */
export const isPointwise = ({ padInfo: { top, bottom, left, right }, ...g }: Geometry): boolean =>
  g.filterHeight * g.filterWidth * g.strideHeight * g.strideWidth === 1 && top + bottom + left + right === 0;

/** One row a pixel. */
const rows = (x: TensorInfo): TensorInfo => view(x, [1, x.shape.slice(0, 3).reduce((a, b) => a * b), x.shape[3]!]);

/** A kernel's one tap, [in, out]. */
const tap = (kernel: TensorInfo): TensorInfo => view(kernel, [1, ...kernel.shape.slice(2)]);

/** x ∗ kernel, plus a bias for each channel if there is one. */
export const pointwise = (
  backend: BackendWasm,
  x: TensorInfo,
  kernel: TensorInfo,
  g: Geometry,
  bias: NamedTensorInfoMap,
): TensorInfo => view(run(backend, _FusedMatMul, { a: rows(x), b: tap(kernel), ...bias }), g.outShape);

/** The gradient with respect to the image. */
export const pointwiseImageGradient = (
  backend: BackendWasm,
  dy: TensorInfo,
  kernel: TensorInfo,
  g: Geometry,
): TensorInfo => view(run(backend, BatchMatMul, { a: rows(dy), b: tap(kernel) }, { transposeB: true }), g.inShape);

/** The gradient with respect to the kernel. */
export const pointwiseKernelGradient = (backend: BackendWasm, x: TensorInfo, dy: TensorInfo, g: Geometry): TensorInfo =>
  view(run(backend, BatchMatMul, { a: rows(x), b: rows(dy) }, { transposeA: true }), g.filterShape);
