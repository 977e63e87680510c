/**
 * Moving values: tiling, transposing, slicing, padding, joining are all one walk over axes, each with a stride in x and a stride in the result. Axes that stay together
 * are made one, so that few are left, and the innermost two are moved by whatever suits their strides: copied runs, a repeated value, a matrix transposed in blocks.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { type TensorInfo, util } from "@tensorflow/tfjs-core";
import { memoryOf } from "../heap/internals.js";
import { address, internals } from "./backend.js";
import { machineOf } from "./machine.js";
import { how } from "./move-text.js";

/** An axis that is walked along: its size, and how far it is from one value to the next, in values. */
interface Axis {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

/** The axes without those of size 1, neighbours that are one as one. */
function merged(axes: readonly Axis[]): Axis[] {
  const list: Axis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const { size, from, to } = axis;
    const outer = list.at(-1);
    if (outer && outer.from === size * from && outer.to === size * to) {
      list[list.length - 1] = { size: outer.size * size, from, to };
    } else list.push(axis);
  }
  return list;
}

const unit: Axis = { size: 1, from: 0, to: 0 };

/** How the innermost two are moved; \`columns\` in bytes where they lie together. */
function innermost(axes: Axis[], bytes: number): { kind: number; rows: Axis; columns: Axis } {
  const columns = axes.pop() ?? { size: 1, from: 1, to: 1 };
  const wide = { ...columns, size: columns.size * bytes };
  if (columns.to === 1 && columns.from === 1) return { kind: how.runs, rows: axes.pop() ?? unit, columns: wide };
  if (bytes === 1) return { kind: how.bytes, rows: axes.pop() ?? unit, columns };
  if (columns.to === 1 && columns.from === 0) return { kind: how.repeat, rows: axes.pop() ?? unit, columns: wide };
  const together = columns.to === 1 ? axes.findIndex(({ from }) => from === 1) : -1;
  if (together < 0) return { kind: how.words, rows: axes.pop() ?? unit, columns };
  return { kind: how.transpose, rows: columns, columns: axes.splice(together, 1)[0]! };
}

/**
 * Moves values of 4 bytes, or of 1, between addresses on the heap: the axes are those of the result, the outermost first.
 */
export function move(backend: BackendWasm, from: number, to: number, axes: readonly Axis[], bytes: number): void {
  if (axes.some(({ size }) => size === 0)) return;
  const outer = merged(axes);
  const { kind, rows, columns } = innermost(outer, bytes);
  const machine = machineOf(backend);
  const table = [...outer, rows, columns].flatMap((axis) => [axis.size, axis.from * bytes, axis.to * bytes]);
  const evicts = [rows.from, columns.to].some((stride) => stride % 256 === 0);
  // Table and scratch lie where products pack their matrices, which none does meanwhile.
  new Int32Array(memoryOf(internals(backend)).buffer, machine.work, table.length + 2).set([
    ...table,
    kind,
    evicts ? machine.work + 1024 : 0,
  ]);
  machine.move(from, to, machine.work, outer.length);
}

/** A view of x, as the result sees it: the distance in x from one value to the next along each of its axes, and the first value. */
export function moved(
  backend: BackendWasm,
  x: TensorInfo,
  shape: readonly number[],
  strides: readonly number[],
  first = 0,
): TensorInfo {
  const out = backend.makeOutput([...shape], x.dtype);
  const bytes = util.bytesPerElement(x.dtype);
  const to = stridesOf(shape);
  const axes = shape.map((size, i) => ({ size, from: strides[i]!, to: to[i]! }));
  move(backend, address(backend, x) + first * bytes, address(backend, out), axes, bytes);
  return out;
}

/** How far it is from one value to the next along each axis, in values. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  shape.reduceRight((stride, size) => {
    strides.unshift(stride);
    return stride * size;
  }, 1);
  return strides;
}
