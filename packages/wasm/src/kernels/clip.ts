/** Clipping, in which NaN stays NaN: the stock kernel makes the lower bound of it, so that a gradient that has failed looks like one that has not. */
import { Cast, ClipByValue, type TensorInfo } from "@tensorflow/tfjs-core";
import { address, type Kernel, register, run, sizeOf, withTemporaries } from "./backend.js";
import { machineOf } from "./machine.js";

register(
  ClipByValue,
  (): Kernel =>
    ({ inputs, attrs, backend }) => {
      const clip = (x: TensorInfo): TensorInfo => {
        const out = backend.makeOutput(x.shape, "float32");
        const bounds = [attrs["clipValueMin"], attrs["clipValueMax"]] as number[];
        machineOf(backend).clip(address(backend, x), address(backend, out), sizeOf(x), ...bounds);
        return out;
      };
      const x = inputs["x"]!;
      if (x.dtype === "float32") return clip(x);
      return withTemporaries(backend, (keep) => {
        const float = keep(run(backend, Cast, { x }, { dtype: "float32" }));
        return run(backend, Cast, { x: keep(clip(float)) }, { dtype: x.dtype });
      });
    },
);
