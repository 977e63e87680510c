/** The backend under test, and the word to TensorFlow.js's tests that it is the one to run on. Imported before them. */
import "backend-under-test";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { setTestEnvs } from "tfjs-core-dist/jasmine_util.js";
import "tfjs-core-dist/public/chained_ops/register_all_chained_ops.js";
import "tfjs-core-dist/register_all_gradients.js";

// A constant of the bundle: the tests have one working directory, and the backend's files another.
setWasmPaths(WASM_FILES);
setTestEnvs([{ name: "wasm", backendName: "wasm", isDataSync: true }]);
