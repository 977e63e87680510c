/**
 * The kernels' own WebAssembly module, which works on the backend's memory. It is compiled when the first kernel needs it, once for each
 * backend.
 *
 * Kernels must answer at once, so nothing can be loaded when they run: the module is assembled and compiled synchronously, once.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { memoryImport, moduleOf } from "../heap/assemble.js";
import { isShared, memoryOf } from "../heap/internals.js";
import { internals } from "./backend.js";
import { clipText } from "./clip-text.js";
import { convolutionText } from "./convolution-text.js";
import { depthwiseFilterText } from "./depthwise-filter-text.js";
import { depthwiseText } from "./depthwise-text.js";
import { gemmSpill, gemmText, gemmWork } from "./gemm-text.js";
import { layoutText } from "./layout-text.js";
import { moveText } from "./move-text.js";
import { type Reduction, reduceText, reduceWork } from "./reduce-text.js";
import { windowText } from "./window-text.js";

/** The module's functions; all arguments are addresses, strides in bytes, sizes, flags or factors, in the order of the texts' parameters. */
export type Machine = Readonly<
  Record<
    | "gemm"
    | "conv_forward"
    | "conv_filter"
    | "conv_input"
    | "depthwise_gather"
    | "depthwise_filter"
    | "max_pool"
    | "average_pool"
    | "max_pool_gradient"
    | "average_pool_gradient"
    | "transpose"
    | "move"
    | `reduce_${"rows" | "columns"}_${Reduction}`
    | "copy_rows"
    | "repeat"
    | "sum_groups"
    | "clip"
    | "segment_sum_f32"
    | "segment_sum_i32",
    (...values: number[]) => void
  >
> & { readonly work: number; readonly spill: number };

const machines = new WeakMap<BackendWasm, Machine>();
const compiled: { shared?: WebAssembly.Module; own?: WebAssembly.Module } = {};

function compile(shared: boolean): WebAssembly.Module {
  const texts = [
    ...[gemmText, convolutionText, depthwiseText, depthwiseFilterText],
    ...[windowText, layoutText, moveText, reduceText, clipText],
  ];
  return moduleOf(`(module ${memoryImport(shared)} ${texts.join("\n")})`);
}

/** The module, bound to this backend's memory. */
export function machineOf(backend: BackendWasm): Machine {
  const known = machines.get(backend);
  if (known) return known;
  const memory = memoryOf(internals(backend));
  const shared = isShared(memory);
  compiled[shared ? "shared" : "own"] ??= compile(shared);
  const module = compiled[shared ? "shared" : "own"]!;
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  // Half a megabyte to pack matrices into; it is kept for as long as the backend lives.
  const work = internals(backend).wasm._malloc(Math.max(gemmWork, reduceWork)) >>> 0;
  const machine = { ...exports, work, spill: work + gemmSpill } as unknown as Machine;
  machines.set(backend, machine);
  return machine;
}
