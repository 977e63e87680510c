/** Data types: where the stock kernels read integers as if they were floats, or give another type than tfjs's other backends. */
import { FloorDiv, ResizeNearestNeighbor } from "@tensorflow/tfjs-core";
import { type Kernel, register, run, withTemporaries } from "./backend.js";
import { recast } from "./casts.js";

/** Functions of one value whose stock kernels know float32 only, and do not say so. */
const floatOnly = [
  ...["Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Elu", "Erf", "Floor", "LeakyRelu"],
  ...["Log", "Log1p", "Reciprocal", "Relu", "Relu6", "Round", "Rsqrt", "Selu", "Sigmoid", "Sign", "Sin", "Sinh"],
  ...["Softplus", "Sqrt", "Step", "Tan", "Tanh", "Exp", "Expm1", "IsFinite", "IsInf", "IsNan"],
] as const;

/** Those among them whose result is float32; the others keep the type of their input. */
const floats: readonly string[] = ["Exp", "Expm1", "LeakyRelu"];

for (const name of floatOnly) {
  register(
    name,
    (stock): Kernel =>
      (call) => {
        const x = call.inputs["x"]!;
        if (x.dtype === "float32") return stock(call);
        const { backend } = call;
        const out = withTemporaries(backend, (keep) => {
          const float = keep(run(backend, "Cast", { x }, { dtype: "float32" }));
          return stock({ ...call, inputs: { ...call.inputs, x: float } });
        });
        const keeps = out.dtype === "float32" && !floats.includes(name);
        return keeps ? recast(backend, out, x.dtype) : out;
      },
  );
}

// The stock kernel keeps a float's lowest eight bits, so that "true" is any number from 1 to 255, and 256 false.
register(
  "Cast",
  (stock): Kernel =>
    (call) => {
      const { inputs, attrs, backend } = call;
      const x = inputs["x"]!;
      if (attrs["dtype"] !== "bool" || x.dtype === "bool") return stock(call);
      const value = x.dtype === "int32" ? new Int32Array(1) : new Float32Array(1);
      return withTemporaries(backend, (keep) => {
        const zero = keep(backend.makeOutput([], x.dtype, undefined, value));
        return run(backend, "NotEqual", { a: x, b: zero });
      });
    },
);

// Elsewhere the quotient is an integer by type, too.
register(
  FloorDiv,
  (stock): Kernel =>
    (call) =>
      recast(call.backend, stock(call), "int32"),
);

// Elsewhere pixels keep their type.
register(
  ResizeNearestNeighbor,
  (stock): Kernel =>
    (call) =>
      recast(call.backend, stock(call), call.inputs["images"]!.dtype),
);
