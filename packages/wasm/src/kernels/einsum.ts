/** Einstein summation of one or two tensors: whatever the equation, two tensors are one batched matrix product between transpositions. */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { backend_util, Einsum, type TensorInfo } from "@tensorflow/tfjs-core";
import { type Kernel, register, run, view, withTemporaries } from "./backend.js";

/** A tensor whose axes are named by the equation's dimensions. */
interface Named {
  readonly info: TensorInfo;
  readonly axes: readonly number[];
}

type Keep = (x: TensorInfo) => TensorInfo;

/** The product of some dimensions' sizes. */
const product = (sizes: readonly number[], axes: readonly number[]): number =>
  axes.reduce((size, axis) => size * sizes[axis]!, 1);

/** The tensor with its axes in this order; those that are not among them are summed over. */
function arranged(backend: BackendWasm, { info, axes }: Named, order: readonly number[], keep: Keep): TensorInfo {
  const gone = axes.flatMap((axis, i) => (order.includes(axis) ? [] : [i]));
  const left = axes.filter((axis) => order.includes(axis));
  const summed = gone.length > 0 ? keep(run(backend, "Sum", { x: info }, { axis: gone, keepDims: false })) : info;
  if (order.every((axis, i) => axis === left[i])) return summed;
  return keep(run(backend, "Transpose", { x: summed }, { perm: order.map((axis) => left.indexOf(axis)) }));
}

register(
  Einsum,
  (): Kernel =>
    ({ inputs, attrs, backend }) => {
      const tensors = inputs as unknown as TensorInfo[];
      const count = Object.keys(tensors).length;
      const equation = attrs["equation"] as string;
      const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, count);
      backend_util.checkEinsumDimSizes(
        allDims.length,
        idDims,
        Array.from({ length: count }, (_, i) => tensors[i]!) as never,
      );
      if (count > 2)
        throw new Error(`einsum on the WASM backend takes one or two tensors; "${equation}" has ${count}.`);
      // Dimensions of the result come first in allDims, in the result's order.
      const result = allDims.map((_, i) => i).filter((i) => !summedDims.includes(i));
      const sizes: number[] = [];
      const named = idDims.map((axes, i): Named => {
        axes.forEach((axis, j) => {
          sizes[axis] = tensors[i]!.shape[j]!;
        });
        return { info: tensors[i]!, axes };
      });
      const shape = result.map((axis) => sizes[axis]!);
      return withTemporaries(backend, (keep) => {
        const [left, right] = named as [Named, Named?];
        // The result is one more reference to what is freed here.
        const finish = (x: TensorInfo) => run(backend, "Reshape", { x }, { shape });
        if (!right) return finish(arranged(backend, left, result, keep));
        const both = (axis: number) => left.axes.includes(axis) && right.axes.includes(axis);
        const batch = result.filter(both);
        const contracted = summedDims.filter(both);
        const rows = result.filter((axis) => !right.axes.includes(axis));
        const columns = result.filter((axis) => !left.axes.includes(axis));
        const [n, m, k, p] = [batch, rows, contracted, columns].map((axes) => product(sizes, axes)) as [
          number,
          number,
          number,
          number,
        ];
        const a = view(arranged(backend, left, [...batch, ...rows, ...contracted], keep), [n, m, k]);
        const b = view(arranged(backend, right, [...batch, ...contracted, ...columns], keep), [n, k, p]);
        const c = keep(run(backend, "BatchMatMul", { a, b }, { transposeA: false, transposeB: false }));
        const axes = [...batch, ...rows, ...columns];
        return finish(
          arranged(
            backend,
            {
              info: view(
                c,
                axes.map((axis) => sizes[axis]!),
              ),
              axes,
            },
            result,
            keep,
          ),
        );
      });
    },
);
