/** Transposing any axes: the stock kernel goes through all but the simplest ones value by value, and evicts a line of the cache before it is used again. */
import { type TensorInfo, Transpose } from "@tensorflow/tfjs-core";
import { type Kernel, register, shared } from "./backend.js";
import { refuse } from "./entrance.js";
import { moved, stridesOf } from "./move.js";

/** Refuses what does not name every axis once. */
function checkPermutation(perm: readonly number[], { shape }: TensorInfo): void {
  const all = perm.length === shape.length && shape.every((_, axis) => perm.includes(axis));
  if (!all) refuse(Transpose, `takes every axis of a tensor once, and was given [${perm}] for the shape [${shape}].`);
}

register(
  Transpose,
  (): Kernel =>
    ({ inputs, attrs, backend }) => {
      const x = inputs["x"]!;
      const perm = attrs["perm"] as number[];
      checkPermutation(perm, x);
      const shape = perm.map((axis) => x.shape[axis]!);
      const wide = perm.filter((axis) => x.shape[axis] !== 1);
      if (wide.every((axis, i) => i === 0 || axis > wide[i - 1]!)) return shared(backend, x, shape);
      const strides = stridesOf(x.shape);
      return moved(
        backend,
        x,
        shape,
        perm.map((axis) => strides[axis]!),
      );
    },
);
