/**
 * The kernels' own WebAssembly module, which works on the backend's memory. It is compiled when the first kernel needs it, once for each
 * backend.
 *
 * Kernels must answer at once, so nothing can be loaded when they run: the module is assembled and compiled synchronously, once.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { memoryImport, moduleOf } from "../heap/assemble.js";
import { isShared, memoryOf } from "../heap/internals.js";
import { multiplyAdd as inOneRounding } from "../heap/precise.js";
import { instantiate } from "../threads/parallel.js";
import { internals } from "./backend.js";
import { clipText } from "./clip-text.js";
import { convolutionText } from "./convolution-text.js";
import { depthwiseFilterText } from "./depthwise-filter-text.js";
import { depthwiseText } from "./depthwise-text.js";
import { gemmSpill, gemmText, gemmWork } from "./gemm-text.js";
import { layoutText } from "./layout-text.js";
import { moveText } from "./move-text.js";
import { productsText } from "./products-text.js";
import { type Reduction, reduceText, reduceWork } from "./reduce-text.js";
import { softmaxText } from "./softmax-text.js";
import { multiplyAdd } from "./wat.js";
import { windowText } from "./window-text.js";
import { winogradText } from "./winograd-text.js";

/** The module's functions; all arguments are addresses, strides in bytes, sizes, flags or factors, in the order of the texts' parameters. */
export type Machine = Readonly<
  Record<
    | "gemm"
    | "products"
    | "conv_forward"
    | "conv_filter"
    | "conv_input"
    | "depthwise_gather"
    | "depthwise_filter"
    | "winograd_kernel"
    | "winograd_forward"
    | "winograd_filter"
    | "winograd_kernel_gradient"
    | "max_pool"
    | "average_pool"
    | "max_pool_gradient"
    | "average_pool_gradient"
    | "transpose"
    | "move"
    | "softmax_gradient"
    | "gather"
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

interface Bound {
  /** With and without relaxed multiply-add. */
  readonly machines: Map<boolean, Machine>;
  readonly work: number;
}

const backends = new WeakMap<BackendWasm, Bound>();
const compiled = new Map<string, WebAssembly.Module>();

function compile(shared: boolean, relaxed: boolean): WebAssembly.Module {
  const id = `${shared} ${relaxed}`;
  const known = compiled.get(id);
  if (known) return known;
  const texts = [
    ...[gemmText, productsText, convolutionText, winogradText, depthwiseText, depthwiseFilterText],
    ...[windowText, layoutText, moveText, reduceText, softmaxText, clipText],
  ];
  const madd = multiplyAdd(relaxed);
  const all = texts.map((text) => (typeof text === "string" ? text : text(madd)));
  const module = moduleOf(`(module ${memoryImport(shared)} ${all.join("\n")})`);
  compiled.set(id, module);
  return module;
}

function bind(backend: BackendWasm): Bound {
  // A megabyte to pack matrices into; it is kept for as long as the backend lives.
  const work = internals(backend).wasm._malloc(Math.max(gemmWork, reduceWork)) >>> 0;
  const bound = { machines: new Map<boolean, Machine>(), work };
  backends.set(backend, bound);
  return bound;
}

/** The module, bound to this backend's memory; its multiply-add is as `setPrecise` and the engine have it. */
export function machineOf(backend: BackendWasm): Machine {
  const { machines, work } = backends.get(backend) ?? bind(backend);
  const relaxed = inOneRounding();
  const known = machines.get(relaxed);
  if (known) return known;
  const memory = memoryOf(internals(backend));
  const exports = instantiate(internals(backend), compile(isShared(memory), relaxed));
  const machine = { ...exports, work, spill: work + gemmSpill } as unknown as Machine;
  machines.set(relaxed, machine);
  return machine;
}
