/**
 * Makes TensorFlow.js's WASM backend fit for training.
 *
 * Importing this package registers the "wasm" backend of @tensorflow/tfjs-backend-wasm together with the gradient kernels that it lacks,
 * transposed matrix products at the speed of plain ones, and the fused executor of optimizer steps.
 *
 * @packageDocumentation
 */
import "@tensorflow/tfjs-backend-wasm";
import "./kernels/index.js";
import { accelerate } from "@hypergrad/core/executors";
import { fused } from "./fused.js";

accelerate("wasm", fused);
