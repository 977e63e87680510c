/**
 * Transposing in blocks: rows whose distance is a power of two fall into the same lines of the cache, and the stock kernel, which goes through
 * them one by one, evicts each line before it is used again; it takes ten times as long.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
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

/** x, its matrices transposed: `n` of them. */
function matrices(
  backend: BackendWasm,
  x: TensorInfo,
  shape: number[],
  n: number,
  rows: number,
  columns: number,
): TensorInfo {
  const out = backend.makeOutput(shape, x.dtype);
  machineOf(backend).transpose(address(backend, x), address(backend, out), n, rows, columns);
  return out;
}

/** x as [n, rows, columns, width] to [n, columns, rows, width], whose last axis lies together. */
function middleAxes(backend: BackendWasm, x: TensorInfo, shape: number[], sizes: readonly number[]): TensorInfo {
  const [n, rows, columns, width] = sizes as [number, number, number, number];
  const bytes = 4 * width;
  const out = backend.makeOutput(shape, x.dtype);
  const matrix = rows * columns * bytes;
  for (let i = 0; i < n; i++) {
    machineOf(backend).copy_rows(
      ...[address(backend, x) + i * matrix, columns * bytes, bytes],
      ...[address(backend, out) + i * matrix, bytes, rows * bytes],
      ...[rows, columns, bytes],
    );
  }
  return out;
}

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
      const [a = 1, b = 1, c = 1, d = 1] = sizes;
      const key = order.join("");
      if (key === "10") return matrices(backend, x, shape, 1, a, b);
      if (key === "021") return matrices(backend, x, shape, a, b, c);
      if (key === "102" && c >= longRow) return middleAxes(backend, x, shape, [1, a, b, c]);
      if (key === "0213" && d >= longRow) return middleAxes(backend, x, shape, [a, b, c, d]);
      return stock(call);
    },
);
