/** Cutting tensors, by runs of what lies together: the stock kernels go value by value, or row by row in JavaScript. */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import {
  backend_util,
  Reverse,
  Slice,
  SplitV,
  StridedSlice,
  slice_util,
  type TensorInfo,
  Unpack,
  util,
} from "@tensorflow/tfjs-core";
import { type Kernel, register, shared } from "./backend.js";
import { refuse } from "./entrance.js";
import { moved, stridesOf } from "./move.js";

/** x from \`begin\` on, in steps along each axis; x itself where that is all of it. */
function cut(
  backend: BackendWasm,
  x: TensorInfo,
  begin: readonly number[],
  size: readonly number[],
  steps?: readonly number[],
): TensorInfo {
  const strides = stridesOf(x.shape);
  const first = begin.reduce((sum, at, axis) => sum + at * strides[axis]!, 0);
  if (!steps) {
    if (util.arraysEqual(x.shape, [...size])) return shared(backend, x, size);
    return moved(backend, x, size, strides, first);
  }
  const walked = strides.map((stride, axis) => stride * steps[axis]!);
  return moved(backend, x, size, walked, first);
}

register(
  Slice,
  (stock): Kernel =>
    (call) => {
      const x = call.inputs["x"]!;
      const { shape } = x;
      const { begin, size } = call.attrs as unknown as { begin: number | number[]; size: number | number[] };
      const [first, sizes] = slice_util.parseSliceParams(x, begin, size) as [number[], number[]];
      const inside = shape.every((extent, axis) => first[axis]! >= 0 && first[axis]! + sizes[axis]! <= extent);
      if (!inside) refuse(Slice, `cuts [${sizes}] at [${first}] out of the shape [${shape}], which has not that much.`);
      return x.dtype === "string" ? stock(call) : cut(call.backend, x, first, sizes);
    },
);

register(
  StridedSlice,
  (): Kernel =>
    ({ inputs, attrs, backend }) => {
      const x = inputs["x"]!;
      const given = attrs as unknown as Record<"begin" | "end" | "strides", number[]>;
      const masks = attrs as unknown as Record<
        `${"begin" | "end" | "ellipsis" | "newAxis" | "shrinkAxis"}Mask`,
        number
      >;
      const info = slice_util.sliceInfo(
        ...[x.shape, given.begin, given.end, given.strides, masks.beginMask],
        ...[masks.endMask, masks.ellipsisMask, masks.newAxisMask, masks.shrinkAxisMask],
      );
      if (info.isIdentity) return shared(backend, x, info.finalShape);
      const size = slice_util.computeOutShape(info.begin, info.end, info.strides);
      return { ...cut(backend, x, info.begin, size, info.strides), shape: info.finalShape };
    },
);

register(
  Reverse,
  (): Kernel =>
    ({ inputs, attrs, backend }) => {
      const x = inputs["x"]!;
      const axes = util.parseAxisParam(attrs["dims"] as number[], x.shape);
      const steps = x.shape.map((_, axis) => (axes.includes(axis) ? -1 : 1));
      const begin = x.shape.map((size, axis) => (axes.includes(axis) ? size - 1 : 0));
      return cut(backend, x, begin, x.shape, steps);
    },
);

/** Kernels of several results. */
type Several = (...call: Parameters<Kernel>) => TensorInfo[];

const several = (name: string, make: (stock: Several) => Several): void =>
  register(name, (stock) => make(stock as unknown as Several) as unknown as Kernel);

several(SplitV, (stock) => (call) => {
  const { inputs, attrs, backend } = call;
  const x = inputs["x"]!;
  if (x.dtype === "string") return stock(call);
  const axis = util.parseAxisParam(attrs["axis"] as number, x.shape)[0]!;
  const begin = x.shape.map(() => 0);
  return backend_util.prepareSplitSize(x as never, attrs["numOrSizeSplits"] as number[], axis).map((extent) => {
    const part = cut(
      backend,
      x,
      begin,
      x.shape.map((size, i) => (i === axis ? extent : size)),
    );
    begin[axis]! += extent;
    return part;
  });
});

several(Unpack, (stock) => (call) => {
  const { inputs, attrs, backend } = call;
  const x = inputs["value"]!;
  if (x.dtype === "string") return stock(call);
  const axis = util.parseAxisParam(attrs["axis"] as number, x.shape)[0]!;
  const strides = stridesOf(x.shape);
  const left = (list: readonly number[]) => list.filter((_, i) => i !== axis);
  return Array.from({ length: x.shape[axis]! }, (_, i) =>
    moved(backend, x, left(x.shape), left(strides), i * strides[axis]!),
  );
});
