/** The gradient of softmax in one call: tfjs makes it of four operations. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { address, type Kernel, register, sizeOf } from "./backend.js";
import { checkShape, float } from "./entrance.js";
import { machineOf } from "./machine.js";

/** The gradient's kernel, which tfjs has no name for: (dy − ⟨dy, y⟩) · y along the last axis. */
export const SoftmaxGradient = "HypergradSoftmaxGradient";

const widthOf = ({ shape }: TensorInfo): number => shape.at(-1) ?? 1;

register(
  SoftmaxGradient,
  (): Kernel =>
    ({ inputs, backend }) => {
      const { dy, y } = inputs as { dy: TensorInfo; y: TensorInfo };
      checkShape(SoftmaxGradient, "dy", dy, y.shape, "that of y");
      const out = backend.makeOutput(y.shape, "float32");
      const width = widthOf(y);
      if (sizeOf(y) === 0) return out;
      const places = [dy, y, out].map((info) => address(backend, info)) as [number, number, number];
      machineOf(backend).softmax_gradient(...places, sizeOf(y) / width, width);
      return out;
    },
  { dy: float(0, 6), y: float(0, 6) },
);
