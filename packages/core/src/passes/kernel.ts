/**
 * Kernels: one loop over memory, as lines.
 *
 * A kernel reads arrays of one number per element, computes what its lines say, writes arrays, and reduces. It does not know which tensors it works on, nor on what machine: a target
 * (WebAssembly in @hypergrad/wasm) makes code of the lines, and gives it addresses and numbers from call to call.
 */
import type { OperationName } from "../expression/node.js";

/** What a line computes: an operand from outside, by its number among those of its kind, or an operation on earlier lines. */
export type Line =
  | { readonly op: "element" | "channel" | "scalar"; readonly operand: number }
  | { readonly op: OperationName; readonly operands: readonly number[] };

/** A reduction of a line's value, to one number per channel or for everything. */
export interface Reduction {
  readonly op: "sum" | "max";
  readonly line: number;
  readonly to: "channel" | "tensor";
}

/** What a kernel does. */
export interface Kernel {
  readonly lines: readonly Line[];
  /** Lines whose values are written, each to an array. */
  readonly stores: readonly number[];
  readonly reductions: readonly Reduction[];
}
