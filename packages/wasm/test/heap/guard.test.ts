/**
 * A heap that is really full: 4 GiB of addresses, of which no page is written to.
 */
import * as tf from "@tensorflow/tfjs";
import "../../src/index.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { guard } from "../../src/heap/guard.js";
import { type Internals, internalsOf } from "../../src/heap/internals.js";

const internals = (): Internals => internalsOf(tf.backend()) as Internals;

let held: number[] = [];

/** Takes blocks of this size for as long as there are any; what stopped it. */
function fill(bytes: number): Error {
  for (;;) {
    try {
      held.push(internals().wasm._malloc(bytes));
    } catch (error) {
      return error as Error;
    }
  }
}

/** Takes all that there is, in smaller and smaller blocks. */
function fillAll(): void {
  for (const bytes of [2 ** 26, 2 ** 16, 2 ** 10, 1]) fill(bytes);
}

function empty(): void {
  for (const address of held) internals().wasm._free(address);
  held = [];
}

beforeEach(async () => {
  await tf.setBackend("wasm");
});
afterEach(empty);

const FULL = /The WASM heap is full: there is no room for .* more\. It has 40\d\d\.\d MiB/;

describe("where the heap is full", () => {
  test("what allocates is refused, with how much was asked for and how much there is", () => {
    const { numTensors } = tf.memory();
    const { message } = fill(2 ** 28);
    expect(message).toMatch(FULL);
    expect(message).toContain("room for 256.0 MiB more");
    expect(message).toContain(`${numTensors} tensors hold`);
    expect(fill(2 ** 20).message).toContain("room for 1.0 MiB more");
    expect(fill(12).message).toContain("room for 12 bytes more");
  });

  test.each<[string, (x: tf.Tensor2D, image: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor]>([
    ["a tensor", () => tf.tensor([1, 2, 3])],
    ["a sum", (x) => tf.add(x, 1)],
    ["a product by XNNPACK", (x) => tf.matMul(x, x)],
    ["a product of ours", (x) => tf.matMul(x, x, true)],
    ["a convolution", (_, image, filter) => tf.conv2d(image, filter, 1, "same")],
    ["a reduction", (x) => tf.sum(x, 1)],
    ["a concatenation", (x) => tf.concat([x, x])],
    ["a gradient", (x) => tf.grad((y) => tf.sum(tf.matMul(y as tf.Tensor2D, x)))(x)],
  ])("%s is refused, and computed as before when there is room again", (_, compute) => {
    const [x, image, filter] = [
      tf.randomNormal([64, 64]),
      tf.randomNormal([1, 8, 8, 4]),
      tf.randomNormal([3, 3, 4, 4]),
    ];
    const run = (): tf.Tensor => compute(x as tf.Tensor2D, image as tf.Tensor4D, filter as tf.Tensor4D);
    const before = run();
    const values = before.dataSync();
    const { numTensors } = tf.memory();
    fillAll();
    for (let i = 0; i < 100; i++) expect(run).toThrow(FULL);
    empty();
    expect(tf.memory().numTensors).toBe(numTensors);
    const after = run();
    expect(after.dataSync()).toEqual(values);
    tf.dispose([x, image, filter, before, after]);
  });
});

test("more than any address reaches is refused, where the number would have become a smaller one", () => {
  expect(() => tf.tidy(() => tf.fill([2 ** 30 + 1], 0).dataSync())).toThrow("room for 4096.0 MiB more");
});

test("what there was before stays as it was", () => {
  const x = tf.tensor([1, 2, 3]);
  fillAll();
  expect(() => tf.add(x, 1)).toThrow(FULL);
  expect([...x.dataSync()]).toEqual([1, 2, 3]);
  x.dispose();
});

test("a tensor of another backend stays there, and what it holds", async () => {
  await tf.setBackend("cpu");
  const x = tf.tensor([1, 2, 3]);
  await tf.setBackend("wasm");
  fillAll();
  for (let i = 0; i < 2; i++) expect(() => tf.square(x)).toThrow(FULL);
  expect([...x.dataSync()]).toEqual([1, 2, 3]);
  empty();
  const squares = tf.square(x);
  expect([...squares.dataSync()]).toEqual([1, 4, 9]);
  tf.dispose([x, squares]);
});

test("a backend that is removed and comes back is guarded anew, and once", async () => {
  const { wasm } = internals();
  const factory = tf.findBackendFactory("wasm");
  await tf.setBackend("cpu");
  tf.removeBackend("wasm");
  tf.registerBackend("wasm", factory);
  await tf.setBackend("wasm");
  expect(internals().wasm).not.toBe(wasm);
  const { _malloc } = internals().wasm;
  guard(tf.backend());
  await tf.setBackend("cpu");
  await tf.setBackend("wasm");
  expect(internals().wasm._malloc).toBe(_malloc);
  expect(() => _malloc(2 ** 32)).toThrow("The WASM heap is full");
});

test("the build for several threads is guarded in the same way", () => {
  let room = 3;
  const wasmMemory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true });
  const wasm = {
    wasmMemory,
    HEAPU8: new Uint8Array(wasmMemory.buffer),
    _malloc(_bytes: number) {
      if (room === 0) return 0;
      room--;
      return 64;
    },
    _free: () => room++,
  };
  guard({ wasm, dataIdMap: { data: new WeakMap() } });
  expect(wasm._malloc(5)).toBe(64);
  expect(wasm._malloc(5)).toBe(64);
  expect(() => wasm._malloc(5)).toThrow("no room for 5 bytes more. It has 16.0 MiB");
  expect(room).toBe(1);
});
