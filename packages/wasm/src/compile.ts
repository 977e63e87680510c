/**
 * Compiling WebAssembly text: to bytes by binaryen, to a module by the engine; each kernel of optimizer steps once.
 */
import binaryen from "binaryen";
import type { Kernel, Mode } from "./kernel.js";
import { textOf } from "./kernel-text.js";

/** Compiled kernels by what they do; tensors, optimizers and backends share them. */
const modules = new Map<string, WebAssembly.Module>();

/** The kernel as a module that imports the memory it works on. */
export function compileKernel(key: string, kernel: Kernel, mode: Mode, shared: boolean): WebAssembly.Module {
  const id = `${shared} ${mode} ${key}`;
  const known = modules.get(id);
  if (known) return known;
  const compiled = moduleOf(textOf(kernel, mode, shared));
  modules.set(id, compiled);
  return compiled;
}

/** True where several threads can work on the memory: a module that imports it must say so. */
export function isShared({ buffer }: WebAssembly.Memory): boolean {
  // Browsers that have no shared memory do not define it.
  return typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
}

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
