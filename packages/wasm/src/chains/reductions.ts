/** Sums and means of what is not computed: it is computed in pieces, of which each is added up while it is in the cache, and written nowhere. */
import { Mean, Sum, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { address, type Call, internals, sizeOf, withTemporaries } from "../kernels/backend.js";
import { groupsOf, reduceMiddle } from "../kernels/reduce.js";
import type { Lazy } from "./kernels.js";
import { ledgerOf } from "./ledger.js";

/** A sum over the second of three axes. */
interface Task {
  readonly x: TensorInfo;
  readonly three: readonly [outer: number, rows: number, inner: number];
  readonly shape: readonly number[];
  readonly scale: number;
}

function taskOf({ inputs, attrs }: Call, mean: boolean): Task | undefined {
  const x = inputs["x"] as TensorInfo;
  const axes = util.parseAxisParam(attrs["axis"] as number[], x.shape);
  const groups = groupsOf(x.shape, axes);
  const at = groups.findIndex(({ reduced }) => reduced);
  if (at < 0 || groups.filter(({ reduced }) => reduced).length > 1) return undefined;
  const rows = (groups[at] as { size: number }).size;
  const kept = (axis: number) => !axes.includes(axis);
  const shape = attrs["keepDims"]
    ? x.shape.map((size, axis) => (kept(axis) ? size : 1))
    : x.shape.filter((_, axis) => kept(axis));
  const three = [groups[at - 1]?.size ?? 1, rows, groups[at + 1]?.size ?? 1] as const;
  return { x, three, shape, scale: mean ? 1 / rows : 1 };
}

/** All of several sums at a time; undefined where one is too long for that. */
function whole({ backend }: Call, { x, three: [, rows, inner], shape, scale }: Task): TensorInfo | undefined {
  const out = backend.makeOutput([...shape], "float32");
  const to = address(backend, out);
  let done = false;
  try {
    done = ledgerOf(backend).read(x, rows * inner, (from, first, end) => {
      const [before, count] = [first / rows, (end - first) / (rows * inner)];
      reduceMiddle(backend, "add", [from, to + 4 * before], [count, rows, inner], scale);
    });
  } finally {
    if (!done) backend.disposeData(out.dataId);
  }
  return done ? out : undefined;
}

/** The rows of each piece are summed up, and then these sums; undefined where that is not possible. */
function split({ backend }: Call, { x, three: [, , inner], shape, scale }: Task): TensorInfo | undefined {
  return withTemporaries(backend, (keep) => {
    const sums: TensorInfo[] = [];
    const done = ledgerOf(backend).read(x, inner, (from, first, end) => {
      const sum = keep(backend.makeOutput([inner], "float32"));
      sums.push(sum);
      reduceMiddle(backend, "add", [from, address(backend, sum)], [1, (end - first) / inner, inner], 1);
    });
    if (!done) return undefined;
    const all = keep(backend.makeOutput([sums.length, inner], "float32"));
    const bytes = 4 * inner;
    sums.forEach((sum, i) => {
      const from = address(backend, sum);
      internals(backend).wasm.HEAPU8.copyWithin(address(backend, all) + i * bytes, from, from + bytes);
    });
    const out = backend.makeOutput([...shape], "float32");
    reduceMiddle(backend, "add", [address(backend, all), address(backend, out)], [1, sums.length, inner], scale);
    return out;
  });
}

const reduction =
  (mean: boolean): Lazy =>
  (call) => {
    const x = call.inputs["x"] as TensorInfo;
    if (x.dtype !== "float32" || !ledgerOf(call.backend).isPending(x) || sizeOf(x) === 0) return undefined;
    const task = taskOf(call, mean);
    if (!task) return undefined;
    const [outer] = task.three;
    return outer === 1 ? split(call, task) : whole(call, task);
  };

/** The kernels by name. */
export const reductions: Readonly<Record<string, Lazy>> = { [Sum]: reduction(false), [Mean]: reduction(true) };
