/**
 * An optimizer on a heap that is really full; see heap/guard.test.ts. That every allocation of a step may fail is seen in packages/ftp/test/properties/faults.test.ts.
 */
import "@tensorflow/tfjs";
import "../../src/index.js";
import { hyper, rule } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";

const momentum = rule({
  name: "momentum",
  hyperparameters: {},
  state: { m: 0 },
  update: ({ p, g, m }) => ({ p: p.sub(m.mul(0.5)).sub(g), m: m.add(g) }),
})();

interface Allocator {
  _malloc(bytes: number): number;
  _free(address: number): void;
}
let wasm: Allocator;
let held: number[] = [];

beforeEach(async () => {
  await tf.setBackend("wasm");
  ({ wasm } = tf.backend() as unknown as { wasm: Allocator });
});

/** Takes all that there is. */
function fill(): void {
  for (const bytes of [2 ** 26, 2 ** 16, 2 ** 10, 1]) {
    try {
      for (;;) held.push(wasm._malloc(bytes));
    } catch {}
  }
}

function empty(): void {
  for (const address of held) wasm._free(address);
  held = [];
}
afterEach(empty);

test("a first step that there is no room for changes nothing, and can be taken when there is; later ones need none", async () => {
  const [a, b] = ["a", "b"].map((name) => tf.tidy(() => tf.variable(tf.ones([64, 64]), true, name))) as [
    tf.Variable,
    tf.Variable,
  ];
  const gradients = { a: tf.fill([64, 64], 0.25), b: tf.fill([64, 64], 0.5) };
  const optimizer = hyper(momentum);
  const { numTensors } = tf.memory();

  fill();
  expect(() => optimizer.applyGradients(gradients)).toThrow("The WASM heap is full");
  expect([a, b].map((variable) => variable.dataSync()[0])).toEqual([1, 1]);
  expect(optimizer.iterations).toBe(0);
  expect(tf.memory().numTensors).toBe(numTensors);
  expect(await optimizer.hyperparameters()).toEqual({});

  empty();
  optimizer.applyGradients(gradients);
  expect([a, b].map((variable) => variable.dataSync()[0])).toEqual([0.75, 0.5]);

  // What is remembered has its memory now, and is written over.
  fill();
  optimizer.applyGradients(gradients);
  expect([a, b].map((variable) => variable.dataSync()[0])).toEqual([0.375, -0.25]);
  expect(optimizer.iterations).toBe(2);

  optimizer.dispose();
  tf.dispose([a, b, gradients]);
});
