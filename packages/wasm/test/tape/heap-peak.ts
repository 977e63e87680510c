import * as tf from "@tensorflow/tfjs-core";

interface Allocator {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** The bytes that are on the WASM heap at most at one time while f runs, beyond those that were there before. */
export function heapPeak(f: () => void): number {
  const { wasm } = tf.backend() as unknown as { wasm: Allocator };
  const { _malloc: malloc, _free: free } = wasm;
  const sizes = new Map<number, number>();
  let held = 0;
  let peak = 0;
  wasm._malloc = (bytes) => {
    const address = malloc(bytes);
    sizes.set(address, bytes);
    held += bytes;
    peak = Math.max(peak, held);
    return address;
  };
  wasm._free = (address) => {
    held -= sizes.get(address) ?? 0;
    sizes.delete(address);
    free(address);
  };
  try {
    f();
  } finally {
    wasm._malloc = malloc;
    wasm._free = free;
  }
  return peak;
}

/** What f gives where the engine goes back and saves as TensorFlow.js does. */
export function asStock<T>(f: () => T): T {
  const engine = tf.engine() as unknown as Record<string, unknown>;
  const ours = { ...engine };
  const names = ["gradients", "getTensorsForGradient", "saveTensorsForBackwardMode"];
  for (const name of names) delete engine[name];
  try {
    return f();
  } finally {
    for (const name of names) engine[name] = ours[name];
  }
}
