/** Booleans: some stock kernels move four bytes for each, which has one, so that they write past the end of the result; others refuse what the cpu backend counts. */
import {
  Abs,
  Atan2,
  Cast,
  Cumprod,
  Cumsum,
  Mod,
  Neg,
  OneHot,
  Select,
  Square,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { type Kernel, register, run, withTemporaries } from "./backend.js";
import { asIntegers } from "./casts.js";
import { checkShape } from "./entrance.js";

register(
  Select,
  (stock): Kernel =>
    (call) => {
      const { condition, t, e } = call.inputs as { condition: TensorInfo; t: TensorInfo; e: TensorInfo };
      checkShape(Select, "e", e, t.shape, "that of t");
      if (t.dtype !== "bool") return stock(call);
      return asIntegers(call.backend, (cast) => stock({ ...call, inputs: { condition, t: cast(t), e: cast(e) } }));
    },
);

register(
  OneHot,
  (stock): Kernel =>
    (call) => {
      if (call.attrs["dtype"] !== "bool") return stock(call);
      return asIntegers(call.backend, () => stock({ ...call, attrs: { ...call.attrs, dtype: "int32" } }));
    },
);

for (const name of [Cumprod, Cumsum]) {
  register(
    name,
    (stock): Kernel =>
      (call) => {
        const x = call.inputs["x"]!;
        if (x.dtype !== "bool") return stock(call);
        return withTemporaries(call.backend, (keep) => {
          const integers = keep(run(call.backend, Cast, { x }, { dtype: "int32" }));
          return stock({ ...call, inputs: { x: integers } });
        });
      },
  );
}

// They move, or read, four bytes for each.
for (const name of [Abs, Atan2, Mod, Neg, Square]) {
  register(
    name,
    (stock): Kernel =>
      (call) => {
        const inputs = Object.entries(call.inputs) as [string, TensorInfo][];
        if (!inputs.some(([, { dtype }]) => dtype === "bool")) return stock(call);
        return asIntegers(call.backend, (cast) =>
          stock({ ...call, inputs: Object.fromEntries(inputs.map(([input, x]) => [input, cast(x)])) }),
        );
      },
  );
}
