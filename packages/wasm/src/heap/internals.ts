/**
 * The internals of TensorFlow.js's WASM backend that are used here. None of them is part of its public interface, so this file alone says what they are.
 */

/** What the backend knows of a tensor's data. */
export interface TensorData {
  readonly id: number;
  readonly memoryOffset: number;
  refCount: number;
}

/** The part of tfjs's BackendWasm that is used here. */
export interface Internals {
  readonly wasm: {
    /** The builds for one thread export their memory. */
    readonly asm?: { readonly memory?: WebAssembly.Memory };
    /** The build for several threads imports it: it is made before, and shared with the threads. */
    readonly wasmMemory?: WebAssembly.Memory;
    readonly tfjs: {
      registerTensor(id: number, size: number, address: number): void;
      disposeData(id: number): void;
      getThreadsCount(): number;
    };
    /** All of the memory, as it was when it last grew. */
    readonly HEAPU8: Uint8Array;
    _malloc(bytes: number): number;
    _free(address: number): void;
  };
  readonly dataIdMap: {
    /** Asked with `get` for what it does not have, the map would move it here from another backend. */
    readonly data: WeakMap<object, TensorData>;
    /** Moves data here, and gives it up where it was before that is known to work. */
    dataMover?: { moveData(backend: object, dataId: object): void };
    /** Not the backend's own: computes what has been put off until somebody needs it; see chains/. */
    compute?(dataId: object): boolean;
  };
  makeOutput(shape: number[], dtype: "float32"): { readonly dataId: object };
  /** Makes room for data; without values there is anything in it. */
  move(dataId: object, values: null, shape: readonly number[], dtype: string, refCount: number): void;
}

/** A backend's internals; undefined where it is not tfjs's WASM backend as this package knows it. */
export function internalsOf(backend: object): Internals | undefined {
  const { wasm, dataIdMap } = backend as Partial<Internals>;
  const memory = wasm && memoryOf({ wasm });
  return memory instanceof WebAssembly.Memory && dataIdMap?.data ? (backend as Internals) : undefined;
}

/** The memory that the backend and all code of our own work on. */
export const memoryOf = ({ wasm }: Pick<Internals, "wasm">): WebAssembly.Memory =>
  (wasm.asm?.memory ?? wasm.wasmMemory) as WebAssembly.Memory;

/** True where several threads can work on the memory: a module that imports it must say so. */
export function isShared({ buffer }: WebAssembly.Memory): boolean {
  // Browsers that have no shared memory do not define it.
  return typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
}
