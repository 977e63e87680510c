/**
 * Transposing in blocks: rows whose distance is a power of two fall into the same lines of the cache, and the stock kernel, which goes through
 * them one by one, evicts each line before it is used again; it takes ten times as long.
 */
import { type TensorInfo, Transpose } from "@tensorflow/tfjs-core";
import { address, type Kernel, register, sizeOf } from "./backend.js";
import { refuse } from "./entrance.js";
import { machineOf } from "./machine.js";

/** A permutation whose axes of size 1 are left out and whose neighbours that stay together are one axis. */
function simplified(shape: readonly number[], perm: readonly number[]): { sizes: number[]; order: number[] } {
  const runs: number[][] = [];
  for (const axis of perm.filter((i) => shape[i] !== 1)) {
    const last = runs.at(-1)?.at(-1);
    const between = last === undefined ? [] : shape.slice(last + 1, axis);
    if (last !== undefined && axis > last && between.every((size) => size === 1)) runs.at(-1)!.push(axis);
    else runs.push([axis]);
  }
  const sorted = runs.map((run) => run[0]!).sort((a, b) => a - b);
  const order = runs.map((run) => sorted.indexOf(run[0]!));
  const sizes: number[] = [];
  runs.forEach((run, i) => {
    sizes[order[i]!] = run.reduce((product, axis) => product * shape[axis]!, 1);
  });
  return { sizes, order };
}

/** Refuses what does not name every axis once. */
function checkPermutation(perm: readonly number[], { shape }: TensorInfo): void {
  const all = perm.length === shape.length && shape.every((_, axis) => perm.includes(axis));
  if (!all) refuse(Transpose, `takes every axis of a tensor once, and was given [${perm}] for the shape [${shape}].`);
}

/** Rows at least this long, in values, are worth copying one by one. */
const longRow = 8;

register(
  Transpose,
  (stock): Kernel =>
    (call) => {
      const { inputs, attrs, backend } = call;
      const x = inputs["x"]!;
      const perm = attrs["perm"] as number[];
      checkPermutation(perm, x);
      const shape = perm.map((axis) => x.shape[axis]!);
      if (sizeOf(x) === 0) return backend.makeOutput(shape, x.dtype);
      if (x.dtype !== "float32" && x.dtype !== "int32") return stock(call);
      const { sizes, order } = simplified(x.shape, perm);
      const key = order.join("");
      const [a = 1, b = 1, c = 1, d = 1] = sizes;
      const start = address(backend, x);
      if (key === "10" || key === "021") {
        const out = backend.makeOutput(shape, x.dtype);
        machineOf(backend).transpose(start, address(backend, out), ...(key === "10" ? [1, a, b] : [a, b, c]));
        return out;
      }
      // [a, b, c, d] → [a, c, b, d], d lying together.
      const swap = key === "0213" ? [a, b, c, d] : key === "102" ? [1, a, b, c] : undefined;
      if (swap && swap[3]! >= longRow) {
        const [n, rows, columns, width] = swap.map((size, i) => (i === 3 ? 4 * size : size)) as [
          number,
          number,
          number,
          number,
        ];
        const out = backend.makeOutput(shape, x.dtype);
        const matrix = rows * columns * width;
        for (let i = 0; i < n; i++) {
          machineOf(backend).copy_rows(
            ...[start + i * matrix, columns * width, width],
            ...[address(backend, out) + i * matrix, width, rows * width],
            ...[rows, columns, width],
          );
        }
        return out;
      }
      return stock(call);
    },
);
