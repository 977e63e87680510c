/** Putting tensors together, or into a larger one, by runs of what lies together. */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { backend_util, Concat, Pack, PadV2, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { address, type Kernel, register, shared, sizeOf } from "./backend.js";
import { checkShape } from "./entrance.js";
import { move, stridesOf } from "./move.js";

/** Tensors side by side: each of them has \`outer\` runs, and the runs of one number follow each other. */
function sideBySide(backend: BackendWasm, parts: readonly TensorInfo[], shape: number[], outer: number): TensorInfo {
  const { dtype } = parts[0]!;
  const out = backend.makeOutput(shape, dtype);
  const bytes = util.bytesPerElement(dtype);
  const apart = outer === 0 ? 0 : sizeOf(out) / outer;
  let to = address(backend, out);
  for (const part of parts) {
    const run = outer === 0 ? 0 : sizeOf(part) / outer;
    const axes = [
      { size: outer, from: run, to: apart },
      { size: run, from: 1, to: 1 },
    ];
    move(backend, address(backend, part), to, axes, bytes);
    to += run * bytes;
  }
  return out;
}

/** Whether all can be moved as they are: not where types differ, nor where they are strings. */
const alike = (parts: readonly TensorInfo[]): boolean =>
  parts.every(({ dtype }) => dtype !== "string" && dtype === parts[0]!.dtype);

register(
  Concat,
  (stock): Kernel =>
    (call) => {
      const { attrs, backend } = call;
      const parts = call.inputs as unknown as TensorInfo[];
      if (!alike(parts)) return stock(call);
      const axis = util.parseAxisParam(attrs["axis"] as number, parts[0]!.shape)[0]!;
      const shapes = parts.map(({ shape }) => shape);
      backend_util.assertParamsConsistent(shapes, axis);
      const shape = backend_util.computeOutShape(shapes, axis);
      const full = parts.filter((part) => sizeOf(part) > 0);
      if (full.length === 1) return shared(backend, full[0]!, shape);
      return sideBySide(backend, parts, shape, util.sizeFromShape(shape.slice(0, axis)));
    },
);

register(
  Pack,
  (stock): Kernel =>
    (call) => {
      const { attrs, backend } = call;
      const parts = call.inputs as unknown as TensorInfo[];
      if (!alike(parts)) return stock(call);
      const { shape } = parts[0]!;
      for (const part of parts) checkShape(Pack, "inputs", part, shape, "that of the first");
      const given = attrs["axis"] as number;
      const axis = given < 0 ? given + shape.length + 1 : given;
      const before = shape.slice(0, axis);
      const joined = [...before, parts.length, ...shape.slice(axis)];
      return parts.length === 1
        ? shared(backend, parts[0]!, joined)
        : sideBySide(backend, parts, joined, util.sizeFromShape(before));
    },
);

register(
  PadV2,
  (): Kernel =>
    ({ inputs, attrs, backend }) => {
      const x = inputs["x"]!;
      const paddings = attrs["paddings"] as unknown as [before: number, after: number][];
      const shape = x.shape.map((size, axis) => paddings[axis]![0] + size + paddings[axis]![1]);
      if (util.arraysEqual(shape, x.shape)) return shared(backend, x, shape);
      const out = backend.makeOutput(shape, x.dtype);
      backend.typedArrayFromHeap(out).fill(attrs["constantValue"] as number);
      const [from, to] = [stridesOf(x.shape), stridesOf(shape)];
      const bytes = util.bytesPerElement(x.dtype);
      const first = paddings.reduce((sum, [before], axis) => sum + before * to[axis]!, 0);
      const axes = x.shape.map((size, axis) => ({ size, from: from[axis]!, to: to[axis]! }));
      move(backend, address(backend, x), address(backend, out) + first * bytes, axes, bytes);
      return out;
    },
);
