/**
 * How a kernel is put in the place of another one, and how it works on the backend's heap.
 *
 * Kernels are given and give back tensor infos: names of data on the heap. What a kernel allocates on the way it must free itself.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import {
  type DataType,
  getKernel,
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
  util,
} from "@tensorflow/tfjs-core";
import { guard } from "../heap/guard.js";
import { type Internals, memoryOf } from "../heap/internals.js";
import { checkInputs, type Entrance } from "./entrance.js";

/** What a kernel is called with; inputs and attributes are those that tfjs defines for the kernel's name. */
export interface Call {
  readonly inputs: NamedTensorInfoMap;
  readonly attrs: NamedAttrMap;
  readonly backend: BackendWasm;
}

/** A kernel with one output. */
export type Kernel = (call: Call) => TensorInfo;

/** What is used of the backend beyond its declared interface. */
export const internals = (backend: BackendWasm): Internals => backend as unknown as Internals;

/** Registers a kernel; `make` is given the one that it replaces, to which it may delegate. What `entrance` does not allow never reaches it. */
export function register(kernelName: string, make: (stock: Kernel) => Kernel, entrance: Entrance = {}): void {
  const stock = getKernel(kernelName, "wasm");
  // tfjs runs a kernel's set-up when the backend is made, which may be later than this: the one that is delegated to still needs its own.
  const { setupFunc, disposeFunc } = stock ?? {};
  if (stock) unregisterKernel(kernelName, "wasm");
  const missing: Kernel = () => {
    throw new Error(`The WASM backend has no kernel "${kernelName}" of its own.`);
  };
  const kernel = make((stock?.kernelFunc as unknown as Kernel) ?? missing);
  const checked: Kernel = (call) => {
    checkInputs(kernelName, entrance, call.inputs);
    return kernel(call);
  };
  registerKernel({
    kernelName,
    backendName: "wasm",
    kernelFunc: checked as unknown as KernelFunc,
    setupFunc(backend) {
      guard(backend);
      setupFunc?.(backend);
    },
    ...(disposeFunc && { disposeFunc }),
  });
}

/** Runs another kernel of this backend. */
export function run(backend: BackendWasm, name: string, inputs: NamedTensorInfoMap, attrs: object = {}): TensorInfo {
  const kernel = getKernel(name, "wasm").kernelFunc as unknown as Kernel;
  return kernel({ inputs, attrs: attrs as NamedAttrMap, backend });
}

/** Where the tensor's values are. */
export const address = (backend: BackendWasm, x: TensorInfo): number => backend.dataIdMap.get(x.dataId).memoryOffset;

/** The number of values. */
export const sizeOf = (x: TensorInfo): number => util.sizeFromShape(x.shape);

/** A new tensor, of zeros. */
export function zeros(backend: BackendWasm, shape: readonly number[], dtype: DataType = "float32"): TensorInfo {
  const out = backend.makeOutput([...shape], dtype);
  const start = address(backend, out);
  new Uint8Array(memoryOf(internals(backend)).buffer, start, sizeOf(out) * util.bytesPerElement(dtype)).fill(0);
  return out;
}

/** The same data under another shape: not another reference, so it must not be disposed. */
export const view = (x: TensorInfo, shape: readonly number[]): TensorInfo => ({ ...x, shape: [...shape] });

/** One more reference to the same data, under a shape of its own: a result that is disposed like any other. */
export function shared(backend: BackendWasm, x: TensorInfo, shape: readonly number[]): TensorInfo {
  backend.incRef(x.dataId);
  return view(x, shape);
}

/** Whether the backend computes on several threads; then XNNPACK's products are faster than ours, which use one. */
export const threaded = (backend: BackendWasm): boolean => internals(backend).wasm.tfjs.getThreadsCount() > 1;

/** What `use` makes of some temporary tensors, which are freed when it is done. */
export function withTemporaries<T>(backend: BackendWasm, use: (keep: (x: TensorInfo) => TensorInfo) => T): T {
  const temporaries: TensorInfo[] = [];
  try {
    return use((x) => {
      temporaries.push(x);
      return x;
    });
  } finally {
    for (const { dataId } of temporaries) backend.disposeData(dataId);
  }
}
