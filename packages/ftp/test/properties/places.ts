/**
 * Where optimizers run: every backend of TensorFlow.js that this machine has, and every executor on it.
 */
import "@hypergrad/wasm";
import type { HyperOptions } from "@hypergrad/core";
import "@tensorflow/tfjs-backend-cpu";

/** What it is called, the backend, and the options that choose the executor. */
export type Place = readonly [name: string, backend: string, options: Pick<HyperOptions, "executor" | "scalars">];

export const places: readonly Place[] = [
  ["cpu", "cpu", { scalars: "host" }],
  ["wasm by tfjs operations", "wasm", { scalars: "host", executor: "tfjs" }],
  ["wasm by fused kernels", "wasm", {}],
  ["wasm with scalars on the device", "wasm", { scalars: "device" }],
];

/** Those that hold values that cover a tensor as plain numbers. */
export const onHost: readonly Place[] = places.filter(([, , { scalars }]) => scalars !== "device");
