/** Fences behind everything that is allocated on the backend's heap: a kernel that writes past the end of a tensor runs into one. */
import * as tf from "@tensorflow/tfjs";

/** What is used of the backend. */
interface Wasm {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** As long as what a kernel writes too much where it takes the bytes of a small tensor for 32-bit values. */
const LENGTH = 256;
const MARK = 0xab;

/** Runs something on the WASM backend; the number of bytes that it wrote past the end of what was allocated meanwhile. */
export function writtenPastTheEnd(run: () => void): number {
  const { wasm } = tf.backend() as unknown as { wasm: Wasm };
  // The first call of each puts another function in its place.
  wasm._free(wasm._malloc(1));
  const { _malloc: allocate, _free: free } = wasm;
  const ends = new Map<number, number>();
  let written = 0;
  const inspect = (address: number) => {
    const end = ends.get(address);
    if (end === undefined) return;
    ends.delete(address);
    for (let at = end; at < end + LENGTH; at++) if (wasm.HEAPU8[at] !== MARK) written++;
  };
  wasm._malloc = (bytes) => {
    const address = allocate(bytes + LENGTH) >>> 0;
    ends.set(address, address + bytes);
    wasm.HEAPU8.fill(MARK, address + bytes, address + bytes + LENGTH);
    return address;
  };
  wasm._free = (address) => {
    inspect(address >>> 0);
    free(address);
  };
  try {
    run();
  } finally {
    for (const address of [...ends.keys()]) inspect(address);
    wasm._malloc = allocate;
    wasm._free = free;
  }
  return written;
}
