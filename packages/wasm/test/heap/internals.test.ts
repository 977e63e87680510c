/**
 * The internals of TensorFlow.js's WASM backend, in both of the forms that its builds have them.
 */
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { memoryImport, moduleOf } from "../../src/heap/assemble.js";
import { internalsOf, isShared, memoryOf } from "../../src/heap/internals.js";
import { setThreads } from "../../src/index.js";

const pages = (shared: boolean): WebAssembly.Memory => new WebAssembly.Memory({ initial: 256, maximum: 65536, shared });

describe("the memory", () => {
  test("of the build for one thread is the one that it exports", async () => {
    await setThreads(1);
    await tf.setBackend("wasm");
    const internals = internalsOf(tf.backend());
    expect(internals).toBe(tf.backend());
    expect(internals && memoryOf(internals)).toBe(internals?.wasm.asm?.memory);
    expect(internals && isShared(memoryOf(internals))).toBe(false);
  });

  test("of the build for several threads, which imports it, is the one that it was given", () => {
    const wasmMemory = pages(true);
    const backend = { wasm: { asm: {}, wasmMemory }, dataIdMap: { data: new WeakMap() } };
    const internals = internalsOf(backend);
    expect(internals).toBe(backend);
    expect(internals && memoryOf(internals)).toBe(wasmMemory);
  });

  test("of another backend is none", async () => {
    await tf.setBackend("cpu");
    expect(internalsOf(tf.backend())).toBeUndefined();
  });

  test.each([false, true])("is imported by modules of our own, where shared is %s", (shared) => {
    const memory = pages(shared);
    expect(isShared(memory)).toBe(shared);
    const module = moduleOf(
      `(module ${memoryImport(shared)} (func (export "put") (param $at i32) (i32.store (local.get $at) (i32.const 7))))`,
    );
    const { put } = new WebAssembly.Instance(module, { env: { memory } }).exports as { put(at: number): void };
    put(64);
    expect(new Int32Array(memory.buffer)[16]).toBe(7);
  });
});
