/**
 * Sums over the first axes, such as the gradient of a bias: row is added to row, as rows lie in memory. The stock kernel transposes first, so that what it
 * sums lies together.
 */
import { Sum, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { address, type Call, type Kernel, register, withTemporaries, zeros } from "./backend.js";
import { machineOf } from "./machine.js";

/** Rows that one float32 sum adds up, before such sums are added up in turn. */
const BLOCK = 256;

/** A sum over the first axes: so many rows of so many columns, and the shape of the result. */
interface Leading {
  readonly rows: number;
  readonly columns: number;
  readonly shape: readonly number[];
}

/** What the call sums, where that is the first axes and others are left; undefined for any other sum. */
function leadingOf({ inputs, attrs }: Call): Leading | undefined {
  const { shape, dtype } = inputs["x"] as TensorInfo;
  const axes = util.parseAxisParam(attrs["axis"] as number[], shape);
  const rows = util.sizeFromShape(axes.map((axis) => shape[axis] as number));
  const columns = util.sizeFromShape(shape) / rows;
  const first = shape.findIndex((size, axis) => size !== 1 && !axes.includes(axis));
  const leading = axes.every((axis) => shape[axis] === 1 || axis < first);
  if (dtype !== "float32" || !leading || !(rows > 1 && columns > 1)) return undefined;
  const left = attrs["keepDims"]
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.includes(axis));
  return { rows, columns, shape: left };
}

register(
  Sum,
  (stock): Kernel =>
    (call) => {
      const leading = leadingOf(call);
      if (!leading) return stock(call);
      const { backend } = call;
      const { columns, shape } = leading;
      const { segment_sum_f32 } = machineOf(backend);
      return withTemporaries(backend, (keep) => {
        // Every block is one segment, that of number 0.
        const ids = keep(zeros(backend, [BLOCK], "int32"));
        let x = call.inputs["x"] as TensorInfo;
        for (let { rows } = leading; rows > 1; rows = Math.ceil(rows / BLOCK)) {
          const blocks = Math.ceil(rows / BLOCK);
          const sums = zeros(backend, blocks === 1 ? shape : [blocks, columns]);
          if (blocks > 1) keep(sums);
          const [from, by, to] = [x, ids, sums].map((info) => address(backend, info)) as [number, number, number];
          for (let block = 0; block < blocks; block++) {
            const begin = block * BLOCK;
            const length = Math.min(BLOCK, rows - begin);
            segment_sum_f32(from + 4 * begin * columns, by, to + 4 * block * columns, length, columns, 1);
          }
          x = sums;
        }
        return x;
      });
    },
);
