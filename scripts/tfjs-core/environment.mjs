/** The backend under test, and the word to TensorFlow.js's tests that it is the one to run on. Imported before them. */
import "virtual:backend";
import { setTestEnvs } from "virtual:tfjs-core/jasmine_util.js";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "virtual:tfjs-core/public/chained_ops/register_all_chained_ops.js";
import "virtual:tfjs-core/register_all_gradients.js";

// A constant of the bundle: the tests have one working directory, and the backend's files another.
setWasmPaths(WASM_FILES);
setTestEnvs([{ name: "wasm", backendName: "wasm", isDataSync: true }]);
