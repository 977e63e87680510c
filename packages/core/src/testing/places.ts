/**
 * Where optimizers run in this process: every backend of TensorFlow.js that is registered, and every executor on it.
 */
import * as tf from "@tensorflow/tfjs-core";
import { isAccelerated } from "../executors/tensor-executor.js";
import type { HyperOptions } from "../optimizer/hyper-options.js";

/** A backend, and the options that choose the executor on it. */
export interface Place {
  readonly name: string;
  readonly backend: string;
  readonly options: Pick<HyperOptions, "executor" | "scalars">;
}

/**
 * The places of some backends; by default of all that are registered.
 *
 * @throws Error where none is registered, or one that is asked for is not.
 */
export function placesOf(check: string, backends: readonly string[] = tf.engine().backendNames()): Place[] {
  const missing = backends.find((name) => !tf.engine().backendNames().includes(name));
  if (backends.length === 0 || missing !== undefined) {
    throw new Error(
      `${check}: ${missing === undefined ? "no backend of TensorFlow.js is" : `the backend "${missing}" is not`} registered. Import one, such as "@tensorflow/tfjs-backend-cpu" or "@hypergrad/wasm".`,
    );
  }
  return backends.flatMap((backend): Place[] => {
    const device: Place = { name: `${backend}, scalars on the device`, backend, options: { scalars: "device" } };
    if (!["cpu", "wasm"].includes(backend)) return [device];
    const host: Place = {
      name: `${backend}, scalars on the host`,
      backend,
      options: { scalars: "host", executor: "tfjs" },
    };
    const fused: Place = { name: `${backend}, fused kernels`, backend, options: { scalars: "host" } };
    return [host, ...(isAccelerated(backend) ? [fused] : []), device];
  });
}

/** Does something at each place, and goes back to the backend that was active. */
export async function atEach(places: readonly Place[], f: (place: Place) => Promise<void>): Promise<void> {
  const before = tf.getBackend();
  try {
    for (const place of places) {
      if (!(await tf.setBackend(place.backend))) {
        throw new Error(`The backend "${place.backend}" cannot be started on this machine. Leave it out of backends.`);
      }
      await f(place);
    }
  } finally {
    if (before) await tf.setBackend(before);
  }
}
