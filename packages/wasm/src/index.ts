/**
 * Makes TensorFlow.js's WASM backend fit for training.
 *
 * Importing this package registers the "wasm" backend of @tensorflow/tfjs-backend-wasm together with the gradient kernels that it lacks,
 * transposed matrix products at the speed of plain ones, and the fused executor of optimizer steps. A full heap is an error that says how full it is.
 *
 * @packageDocumentation
 */
import "@tensorflow/tfjs-backend-wasm";
import { accelerate } from "@hypergrad/core/executors";
import { tellWhereFilesAre } from "./files.js";
import { fused } from "./fused/fused.js";
import { hasSimd } from "./heap/assemble.js";
import { guardExisting } from "./heap/guard.js";
import "./kernels/index.js";
import "./chains/index.js";
import "./tape/index.js";
import { shareMemory } from "./threads/sharing.js";

export { multiplyAdd, setPrecise } from "./heap/precise.js";
export { setThreads, type Threads, threads } from "./threads/setting.js";

tellWhereFilesAre();
shareMemory();
guardExisting();
if (hasSimd()) accelerate("wasm", fused, "fused WASM kernels");
else {
  console.warn(
    "@hypergrad/wasm: this WebAssembly engine has no SIMD. Optimizer steps are run by TensorFlow.js operations, which are slower.",
  );
}
