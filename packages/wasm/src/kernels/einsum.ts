/** Einstein summation of one or two tensors: whatever the equation, two tensors are one batched matrix product between transpositions. */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { BatchMatMul, backend_util, Einsum, Reshape, Sum, type TensorInfo, Transpose } from "@tensorflow/tfjs-core";
import { type Call, type Kernel, register, run, view, withTemporaries } from "./backend.js";
import { refuse } from "./entrance.js";

/** A tensor whose axes are named by the equation's dimensions. */
interface Named {
  readonly info: TensorInfo;
  readonly axes: readonly number[];
}

/** What the equation says: the tensors, the dimensions that are summed over, and those of the result, in its order; the size of each. */
interface Equation {
  readonly tensors: readonly Named[];
  readonly summed: readonly number[];
  readonly result: readonly number[];
  readonly sizes: readonly number[];
}

type Keep = (x: TensorInfo) => TensorInfo;

function equationOf({ inputs, attrs }: Call): Equation {
  const infos = Object.values(inputs) as TensorInfo[];
  const equation = attrs["equation"] as string;
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, infos.length);
  backend_util.checkEinsumDimSizes(allDims.length, idDims, infos as never);
  if (infos.length > 2) refuse(Einsum, `takes one or two tensors, and "${equation}" has ${infos.length}.`);
  const sizes: number[] = [];
  const tensors = idDims.map((axes, i): Named => {
    const info = infos[i]!;
    axes.forEach((axis, j) => {
      sizes[axis] = info.shape[j]!;
    });
    return { info, axes };
  });
  // Dimensions of the result come first in allDims, in the result's order.
  const result = allDims.map((_, i) => i).filter((i) => !summedDims.includes(i));
  return { tensors, summed: summedDims, result, sizes };
}

/** The sizes of some dimensions. */
const sizesOf = ({ sizes }: Equation, axes: readonly number[]): number[] => axes.map((axis) => sizes[axis]!);

/** The tensor with its axes in this order; those that are not among them are summed over. */
function arranged(backend: BackendWasm, { info, axes }: Named, order: readonly number[], keep: Keep): TensorInfo {
  const gone = axes.flatMap((axis, i) => (order.includes(axis) ? [] : [i]));
  const left = axes.filter((axis) => order.includes(axis));
  const summed = gone.length > 0 ? keep(run(backend, Sum, { x: info }, { axis: gone, keepDims: false })) : info;
  if (order.every((axis, i) => axis === left[i])) return summed;
  return keep(run(backend, Transpose, { x: summed }, { perm: order.map((axis) => left.indexOf(axis)) }));
}

/** The matrix product of two tensors, its axes named. */
function product(backend: BackendWasm, equation: Equation, left: Named, right: Named, keep: Keep): Named {
  const { result, summed } = equation;
  const both = (axis: number) => left.axes.includes(axis) && right.axes.includes(axis);
  const batch = result.filter(both);
  const contracted = summed.filter(both);
  const rows = result.filter((axis) => !right.axes.includes(axis));
  const columns = result.filter((axis) => !left.axes.includes(axis));
  const extent = (axes: readonly number[]) => sizesOf(equation, axes).reduce((size, n) => size * n, 1);
  const [n, m, k, p] = [extent(batch), extent(rows), extent(contracted), extent(columns)];
  const a = view(arranged(backend, left, [...batch, ...rows, ...contracted], keep), [n, m, k]);
  const b = view(arranged(backend, right, [...batch, ...contracted, ...columns], keep), [n, k, p]);
  const c = keep(run(backend, BatchMatMul, { a, b }, { transposeA: false, transposeB: false }));
  const axes = [...batch, ...rows, ...columns];
  return { info: view(c, sizesOf(equation, axes)), axes };
}

register(
  Einsum,
  (): Kernel => (call) => {
    const { backend } = call;
    const equation = equationOf(call);
    const { tensors, result } = equation;
    const [left, right] = tensors as [Named, Named?];
    return withTemporaries(backend, (keep) => {
      const whole = right ? product(backend, equation, left, right, keep) : left;
      const x = arranged(backend, whole, result, keep);
      // One more reference to what is freed here.
      return run(backend, Reshape, { x }, { shape: sizesOf(equation, result) });
    });
  },
);
