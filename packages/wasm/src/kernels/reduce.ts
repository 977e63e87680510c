/**
 * Sums, means, maxima, minima and products over any axes, as values lie in memory. The stock kernels transpose first, so that what they reduce lies together, and go through it value by
 * value.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { Max, Mean, Min, Prod, Sum, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { address, type Kernel, register, shared, sizeOf, withTemporaries } from "./backend.js";
import { machineOf } from "./machine.js";
import { mostColumns, type Reduction } from "./reduce-text.js";

/** An axis, or several that lie side by side and are alike: all are reduced, or none. */
interface Group {
  readonly size: number;
  readonly reduced: boolean;
}

export function groupsOf(shape: readonly number[], axes: readonly number[]): Group[] {
  const groups: Group[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const reduced = axes.includes(axis);
    const last = groups.at(-1);
    if (last?.reduced === reduced) groups[groups.length - 1] = { size: last.size * size, reduced };
    else groups.push({ size, reduced });
  });
  return groups;
}

const product = (groups: readonly Group[]): number => groups.reduce((all, { size }) => all * size, 1);

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** Narrow rows are taken several at once, so that they fill panels of 32 columns. */
function foldOf(rows: number, columns: number): number {
  const fold = 32 / gcd(32, columns);
  return columns < 512 && rows >= 4 * fold ? fold : 1;
}

/** Reduces the middle one of three axes. */
export function reduceMiddle(
  backend: BackendWasm,
  name: Reduction,
  [from, to]: readonly [number, number],
  [outer, rows, inner]: readonly [number, number, number],
  scale: number,
): void {
  const machine = machineOf(backend);
  if (inner === 1) {
    machine[`reduce_rows_${name}`](from, to, outer, rows, scale);
    return;
  }
  const fold = foldOf(rows, inner);
  for (let first = 0; first < inner; first += mostColumns) {
    const columns = Math.min(inner - first, mostColumns);
    // As many rows as lie in the second cache together.
    const block = Math.min(256, Math.max(16, Math.floor(2 ** 16 / (columns * fold))));
    const place = [from + 4 * first, to + 4 * first] as const;
    machine[`reduce_columns_${name}`](...place, outer, rows, inner, columns, fold, block, machine.work, scale);
  }
}

/** x reduced over these axes, times \`scale\`. Where axes alternate, it takes a pass for each, what reduces most first. */
function reduce(
  backend: BackendWasm,
  name: Reduction,
  x: TensorInfo,
  axes: readonly number[],
  shape: readonly number[],
  scale = 1,
): TensorInfo {
  const groups = groupsOf(x.shape, axes);
  let left = groups.filter(({ reduced }) => reduced).length;
  if (left === 0) return shared(backend, x, shape);
  return withTemporaries(backend, (keep) => {
    let from = x;
    for (; left > 0; left--) {
      const sizes = groups.map(({ size, reduced }) => (reduced ? size : -1));
      const at = sizes.indexOf(Math.max(...sizes));
      const around = [product(groups.slice(0, at)), product(groups.slice(at + 1))] as const;
      const last = left === 1;
      const to = backend.makeOutput(last ? [...shape] : [around[0] * around[1]], "float32");
      if (!last) keep(to);
      const three = [around[0], groups[at]!.size, around[1]] as const;
      if (sizeOf(to) > 0) {
        reduceMiddle(backend, name, [address(backend, from), address(backend, to)], three, last ? scale : 1);
      }
      groups.splice(at, 1);
      from = to;
    }
    return from;
  });
}

const names: readonly (readonly [kernel: string, name: Reduction, axis: string])[] = [
  [Sum, "add", "axis"],
  [Mean, "add", "axis"],
  [Max, "max", "reductionIndices"],
  [Min, "min", "axis"],
  [Prod, "mul", "axis"],
];

for (const [kernel, name, axis] of names) {
  register(
    kernel,
    (stock): Kernel =>
      (call) => {
        const { inputs, attrs, backend } = call;
        const x = inputs["x"] as TensorInfo;
        if (x.dtype !== "float32") return stock(call);
        const axes = util.parseAxisParam(attrs[axis] as number[], x.shape);
        const shape = attrs["keepDims"]
          ? x.shape.map((size, i) => (axes.includes(i) ? 1 : size))
          : x.shape.filter((_, i) => !axes.includes(i));
        const many = util.sizeFromShape(axes.map((i) => x.shape[i] as number));
        return reduce(backend, name, x, axes, shape, kernel === Mean ? 1 / many : 1);
      },
  );
}
