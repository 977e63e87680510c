/**
 * Sums over the first axes, such as the gradient of a bias: row is added to row, as rows lie in memory. The stock kernel transposes first, so that what it
 * sums lies together.
 */
import { Sum, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { address, type Call, type Internals, type Kernel, register, withTemporaries, zeros } from "./backend.js";
import { machineOf } from "./machine.js";

/** Rows that one float32 sum adds up, before such sums are added up in turn. */
const BLOCK = 256;

/** The numbers of summed and of kept values where the first axes are summed over and others are left; undefined for any other sum. */
function rowsAndColumns({ inputs, attrs }: Call): [rows: number, columns: number] | undefined {
  const { shape, dtype } = inputs["x"] as TensorInfo;
  const axes = util.parseAxisParam(attrs["axis"] as number[], shape);
  const rows = util.sizeFromShape(axes.map((axis) => shape[axis] as number));
  const columns = util.sizeFromShape(shape) / rows;
  const first = shape.findIndex((size, axis) => size !== 1 && !axes.includes(axis));
  const leading = axes.every((axis) => shape[axis] === 1 || axis < first);
  return dtype === "float32" && leading && rows > 1 && columns > 1 ? [rows, columns] : undefined;
}

register(
  Sum,
  (stock): Kernel =>
    (call) => {
      const { inputs, attrs, backend } = call;
      const matrix = rowsAndColumns(call);
      if (!matrix) return stock(call);
      const [allRows, columns] = matrix;
      const { shape } = inputs["x"] as TensorInfo;
      const axes = util.parseAxisParam(attrs["axis"] as number[], shape);
      const reduced = attrs["keepDims"]
        ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
        : shape.filter((_, axis) => !axes.includes(axis));
      return withTemporaries(backend, (keep) => {
        // The block that a row belongs to; the later, shorter sums use the beginning of the same list.
        const ids = keep(backend.makeOutput([allRows], "int32"));
        const start = address(backend, ids) >>> 2;
        const numbers = new Int32Array((backend.wasm as unknown as Internals).HEAPU8.buffer);
        for (let row = 0; row < allRows; row++) numbers[start + row] = Math.floor(row / BLOCK);
        let x = inputs["x"] as TensorInfo;
        for (let rows = allRows; rows > 1; rows = Math.ceil(rows / BLOCK)) {
          const blocks = Math.ceil(rows / BLOCK);
          const sums = zeros(backend, blocks === 1 ? reduced : [blocks, columns]);
          if (blocks > 1) keep(sums);
          machineOf(backend).segment_sum_f32(
            address(backend, x),
            address(backend, ids),
            address(backend, sums),
            rows,
            columns,
            blocks,
          );
          x = sums;
        }
        return x;
      });
    },
);
