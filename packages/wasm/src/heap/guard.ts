/**
 * A full heap is an error that says so.
 *
 * TensorFlow.js takes the address 0, which stands for "no room", like any other: tensors then share it, or the backend aborts. Here the backend's own allocator is replaced by one that throws, so that
 * its kernels and ours are stopped before they have written anything, and all that was there before goes on.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Internals, internalsOf } from "./internals.js";

/** Of the heap, one part in so many stays free: the backend's compiled code has an allocator of its own, for its lists and packed matrices, and aborts, or computes nothing, where that fails. */
const PART = 64;

/** What a 32-bit address can reach; a larger number would be taken for a smaller one. */
const REACH = 2 ** 32;

const guarded = new WeakSet<object>();

/** Makes the backend throw where its heap is full; does nothing the second time, and to another backend. */
export function guard(backend: object): void {
  const internals = internalsOf(backend);
  if (!internals || guarded.has(internals.wasm)) return;
  const { wasm } = internals;
  guarded.add(wasm);
  guardMoves(internals);
  // Emscripten's functions put others in their own place when they are first called.
  wasm._free(wasm._malloc(1));
  const { _malloc: allocate, _free: free } = wasm;
  wasm._malloc = (bytes) => {
    const address = bytes < REACH ? allocate(bytes) : 0;
    // Nothing is written there, and freed at once it costs some 30 ns.
    const spare = address === 0 ? 0 : allocate(wasm.HEAPU8.length / PART);
    if (spare !== 0) {
      free(spare);
      return address;
    }
    if (address !== 0) free(address);
    throw new Error(fullText(bytes, wasm));
  };
}

/** Data that comes from another backend is given up there first: it would be lost where there is no room for it here. */
function guardMoves({ wasm, dataIdMap }: Internals): void {
  const { dataMover: mover } = dataIdMap;
  if (!mover) return;
  dataIdMap.dataMover = {
    moveData(backend, dataId) {
      const { shape, dtype } = tf.engine().state.tensorInfo.get(dataId as tf.DataId) ?? {};
      if (shape && dtype && dtype !== "string") {
        wasm._free(wasm._malloc(tf.util.sizeFromShape(shape) * tf.util.bytesPerElement(dtype)));
      }
      mover.moveData(backend, dataId);
    },
  };
}

/** Guards the WASM backend that is there already, if one is. Those that come are guarded as they are made; see kernels/backend.ts. */
export function guardExisting(): void {
  const { wasm } = tf.engine().registry;
  if (wasm) guard(wasm);
}

function fullText(bytes: number, { HEAPU8: { length } }: Internals["wasm"]): string {
  const { numBytes, numTensors } = tf.memory();
  return `The WASM heap is full: there is no room for ${sizeText(bytes)} more. It has ${sizeText(length)} and cannot grow as far as would be needed; ${numTensors} tensors hold ${sizeText(numBytes)}. Nothing was written. Dispose of what is not needed any more (tf.dispose, tf.tidy), or make batches or the model smaller.`;
}

function sizeText(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes} bytes` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
