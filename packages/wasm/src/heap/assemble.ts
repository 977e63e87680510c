/**
 * Assembling: WebAssembly text to bytes, and to a module by the engine.
 */
import assemble from "watr/compile";

/** How a module says, in text, that it works on the backend's memory. */
export const memoryImport = (shared: boolean): string =>
  `(import "env" "memory" (memory ${shared ? "1 65536 shared" : "1"}))`;

/** The text as a module. */
export const moduleOf = (text: string): WebAssembly.Module =>
  new WebAssembly.Module(assemble(text) as Uint8Array<ArrayBuffer>);

/** A module of one function, which returns a vector: the assembled `(module (func (result v128) (v128.const i32x4 0 0 0 0)))`. */
const vector = [
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  ...[1, 5, 1, 96, 0, 1, 123],
  ...[3, 2, 1, 0],
  ...[10, 22, 1, 20, 0, 253, 12, ...new Array<number>(16).fill(0), 11],
];

/** True where this WebAssembly engine runs SIMD instructions. */
export const hasSimd = (): boolean => WebAssembly.validate(Uint8Array.from(vector));
