/** Stock kernels that look at nothing: what they would misread is refused before them. */
import {
  Bincount,
  DenseBincount,
  FloorDiv,
  FusedBatchNorm,
  getKernelsForBackend,
  SearchSorted,
  TopK,
} from "@tensorflow/tfjs-core";
import { register } from "./backend.js";
import { checkNot, float, perhaps } from "./entrance.js";

// It takes any 32 bits for a float32.
register(FusedBatchNorm, (stock) => stock, {
  ...{ x: float(1, 4), mean: float(1, 4), variance: float(1, 4) },
  ...{ offset: perhaps, scale: perhaps },
});

// They read four bytes for a boolean.
for (const name of [Bincount, DenseBincount, FloorDiv, SearchSorted, TopK]) {
  register(name, (stock) => (call) => {
    checkNot(name, "bool", call.inputs, 'Cast it first: x.cast("int32").');
    return stock(call);
  });
}

/**
 * The kernels that look after strings, or hand them on. Strings are not on the heap: the others take something else for them, or stop for good, and the backend
 * with them.
 */
const forStrings = new Set([
  ...["Concat", "ExpandDims", "Identity", "Pack", "Reshape", "Slice", "SplitV", "Unique", "Unpack"],
  ...["StringNGrams", "StringSplit", "StringToHashBucketFast"],
]);

for (const { kernelName } of getKernelsForBackend("wasm")) {
  if (forStrings.has(kernelName)) continue;
  register(kernelName, (stock) => (call) => {
    checkNot(kernelName, "string", call.inputs, 'Let the cpu backend do it: tf.setBackend("cpu").');
    return stock(call);
  });
}
