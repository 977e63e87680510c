/**
 * Kernels ready to run: compiled once by what they do, and bound once to each heap.
 */
import { type Kernel, power } from "@hypergrad/core/executors";
import { moduleOf } from "../heap/assemble.js";
import type { Heap } from "../heap/heap.js";
import { isShared } from "../heap/internals.js";
import { instantiate } from "../threads/parallel.js";
import type { Mode } from "./frame.js";
import { textOf } from "./kernel-text.js";

/** A kernel that is ready to run on a heap; it is given the address of its frame. */
export type Run = (frame: number) => void;

/** Compiled kernels by what they do; tensors, optimizers and backends share them. */
const modules = new Map<string, WebAssembly.Module>();

/** The kernel as a module that imports the memory it works on. */
function compileKernel(key: string, kernel: Kernel, mode: Mode, shared: boolean): WebAssembly.Module {
  const id = `${shared} ${mode} ${key}`;
  const known = modules.get(id);
  if (known) return known;
  const compiled = moduleOf(textOf(kernel, mode, shared));
  modules.set(id, compiled);
  return compiled;
}

const runs = new WeakMap<Heap, Map<string, Run>>();

/** The kernel, compiled for this heap. */
export function kernelFor(heap: Heap, key: string, kernel: Kernel, mode: Mode): Run {
  const id = `${mode} ${key}`;
  const bound = runs.get(heap) ?? new Map<string, Run>();
  runs.set(heap, bound);
  const known = bound.get(id);
  if (known) return known;
  const { memory } = heap;
  const { run } = instantiate(heap.backend, compileKernel(key, kernel, mode, isShared(memory)), {
    Math: { exp: Math.exp, log: Math.log, tanh: Math.tanh, pow: power },
  }) as { run: Run };
  bound.set(id, run);
  return run;
}
