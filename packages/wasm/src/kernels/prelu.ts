/**
 * Prelu, whose slopes are broadcast to the values. The stock kernel repeats them as they lie in memory, which is the same only where their shape is how that of
 * the values ends; and it reads integers as if they were floats.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { broadcast_util, Cast, Prelu, type TensorInfo, Tile, util } from "@tensorflow/tfjs-core";
import { type Kernel, register, run, view, withTemporaries } from "./backend.js";

type Keep = (x: TensorInfo) => TensorInfo;

/** Whether values of the second shape, row by row, are those of the first, time and again. */
export function repeats(own: readonly number[], shape: readonly number[]): boolean {
  const first = own.findIndex((size) => size !== 1);
  const sizes = first < 0 ? [] : own.slice(first);
  return util.arraysEqual(sizes, shape.slice(shape.length - sizes.length));
}

/** x, broadcast to this shape. */
function broadcast(backend: BackendWasm, x: TensorInfo, shape: number[], keep: Keep): TensorInfo {
  if (util.arraysEqual(x.shape, shape)) return x;
  const own = [...shape.slice(x.shape.length).map(() => 1), ...x.shape];
  return keep(run(backend, Tile, { x: view(x, own) }, { reps: shape.map((size, axis) => size / own[axis]!) }));
}

register(
  Prelu,
  (stock): Kernel =>
    (call) => {
      const { inputs, backend } = call;
      return withTemporaries(backend, (keep) => {
        const float = (x: TensorInfo) =>
          x.dtype === "float32" ? x : keep(run(backend, Cast, { x }, { dtype: "float32" }));
        const [x, alpha] = [float(inputs["x"]!), float(inputs["alpha"]!)];
        const shape = broadcast_util.assertAndGetBroadcastShape(x.shape, alpha.shape);
        if (util.sizeFromShape(shape) === 0) return backend.makeOutput(shape, "float32");
        return stock({
          ...call,
          inputs: {
            x: broadcast(backend, x, shape, keep),
            alpha: repeats(alpha.shape, shape) ? alpha : broadcast(backend, alpha, shape, keep),
          },
        });
      });
    },
);
