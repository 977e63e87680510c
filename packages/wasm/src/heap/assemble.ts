/**
 * Assembling: WebAssembly text to bytes, and to a module by the engine.
 */
import binaryen from "binaryen";

/** How a module says, in text, that it works on the backend's memory. */
export const memoryImport = (shared: boolean): string =>
  `(import "env" "memory" (memory ${shared ? "1 65536 shared" : "1"}))`;

/** The text as a module. */
export const moduleOf = (text: string): WebAssembly.Module => new WebAssembly.Module(assembled(text));

function assembled(text: string): Uint8Array<ArrayBuffer> {
  const module = binaryen.parseText(text);
  try {
    const { Features } = binaryen;
    module.setFeatures(Features.SIMD128 | Features.BulkMemory | Features.Atomics);
    return module.emitBinary() as Uint8Array<ArrayBuffer>;
  } finally {
    module.dispose();
  }
}

/** True where this WebAssembly engine runs SIMD instructions. */
export function hasSimd(): boolean {
  return WebAssembly.validate(assembled("(module (func (result v128) (v128.const i32x4 0 0 0 0)))"));
}
