/** Tensors as another type, for kernels that read a type in the wrong way. */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { Cast, type DataType, type TensorInfo } from "@tensorflow/tfjs-core";
import { run, withTemporaries } from "./backend.js";

/** x as another type, what is behind the point cut off; x itself is disposed. */
export function recast(backend: BackendWasm, x: TensorInfo, dtype: DataType): TensorInfo {
  if (x.dtype === dtype) return x;
  return withTemporaries(backend, (keep) => {
    keep(x);
    // A fraction is no boolean: elsewhere it is 0, and not "true".
    const whole = dtype === "bool" && x.dtype === "float32" ? keep(run(backend, Cast, { x }, { dtype: "int32" })) : x;
    return run(backend, Cast, { x: whole }, { dtype });
  });
}

/** What `use` makes of a tensor's booleans as integers, as booleans. */
export const asIntegers = (
  backend: BackendWasm,
  use: (cast: (x: TensorInfo) => TensorInfo) => TensorInfo,
): TensorInfo =>
  withTemporaries(backend, (keep) => {
    const out = use((x) => keep(run(backend, Cast, { x }, { dtype: "int32" })));
    return run(backend, Cast, { x: keep(out) }, { dtype: "bool" });
  });
