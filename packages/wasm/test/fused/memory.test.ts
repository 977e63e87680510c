/**
 * The fused executor on TensorFlow.js's heap: what it may write over, and what it must leave alone.
 */
import "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import "../../src/index.js";
import { hyper, learned, rule, type Spec, sum } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { expectClose, expected, momentum, numbers, step, tensor } from "./stepping.js";

const address = ({ dataId }: tf.Tensor): number =>
  (tf.backend() as unknown as { dataIdMap: { get(id: object): { memoryOffset: number } } }).dataIdMap.get(dataId)
    .memoryOffset;

beforeEach(async () => {
  await tf.setBackend("wasm");
});

describe("a step writes over", () => {
  test("the variable, where nobody shares its memory: address and tensors stay the same", () => {
    const p = tensor([5, 7], 0);
    const variable = tf.variable(p);
    p.dispose();
    const before = address(variable);
    const optimizer = hyper(momentum);
    step(optimizer, variable, 1);
    const tensors = tf.memory().numTensors;
    step(optimizer, variable, 2);
    expect(address(variable)).toBe(before);
    expect(tf.memory().numTensors).toBe(tensors);
    expectClose(variable.dataSync(), expected(momentum, [5, 7], 2));
    optimizer.dispose();
    variable.dispose();
  });

  test.each([
    ["a reshaped view", (v: tf.Variable) => tf.reshape(v, [35])],
    ["the tensor that it was made from", undefined],
  ])("nothing that %s shares", (_, share) => {
    const p = tensor([5, 7], 0);
    const variable = tf.variable(p);
    const shared = share ? share(variable) : p;
    if (share) p.dispose();
    const optimizer = hyper(momentum);
    for (const t of [1, 2, 3]) step(optimizer, variable, t);
    expect(address(shared)).not.toBe(address(variable));
    expect(shared.dataSync()).toEqual(numbers(35, 0));
    expectClose(variable.dataSync(), expected(momentum, [5, 7], 3));
    optimizer.dispose();
    tf.dispose([variable, shared]);
  });

  test("nothing that a rule still has to read", () => {
    // The old m is read after a reduction over the new one, which is known and could be written before.
    const spec = rule({
      name: "late",
      hyperparameters: {},
      state: { m: 0.5 },
      update({ p, g, m }) {
        const next = m.mul(0.9).add(g);
        return { p: p.sub(m.mul(sum(next.square(), "tensor").add(1).rsqrt())), m: next };
      },
    })();
    const p = tensor([33], 0);
    const variable = tf.variable(p);
    const optimizer = hyper(spec);
    for (const t of [1, 2, 3]) step(optimizer, variable, t);
    expectClose(variable.dataSync(), expected(spec, [33], 3));
    optimizer.dispose();
    tf.dispose([p, variable]);
  });

  test("a gradient that is the variable itself, without harm", () => {
    const p = tensor([40], 0);
    const variable = tf.variable(p);
    p.dispose();
    const optimizer = hyper(momentum);
    optimizer.applyGradients([{ name: variable.name, tensor: variable }]);
    expectClose(
      variable.dataSync(),
      numbers(40, 0).map((x) => 0.9 * x),
    );
    optimizer.dispose();
    variable.dispose();
  });
});

test("a product with a variable that was written over uses its new values", () => {
  const w = tensor([8, 8], 0);
  const variable = tf.variable(w);
  const x = tensor([3, 8], 5);
  const optimizer = hyper(momentum);
  for (const t of [1, 2, 3]) {
    const y = tf.matMul(x, variable as tf.Tensor2D);
    const fresh = tf.tensor(variable.dataSync(), [8, 8]);
    const wanted = tf.matMul(x, fresh);
    expectClose(y.dataSync(), wanted.dataSync());
    tf.dispose([y, fresh, wanted]);
    step(optimizer, variable, t);
  }
  optimizer.dispose();
  tf.dispose([w, variable, x]);
});

test("a heap that grows between two steps, and within one, changes nothing", () => {
  const shape = [1000, 300];
  const p = tensor(shape, 0);
  const variable = tf.variable(p);
  const optimizer = hyper(momentum);
  const memory = (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm;
  const ballast: tf.Tensor[] = [];
  const fill = (): void => {
    // Nearly all of the heap is taken, so that the step itself has to make it grow.
    const before = memory.HEAPU8.length;
    while (memory.HEAPU8.length === before) ballast.push(tf.zeros([1 << 18]));
  };
  fill();
  step(optimizer, variable, 1);
  fill();
  step(optimizer, variable, 2);
  expectClose(variable.dataSync(), expected(momentum, shape, 2));
  optimizer.dispose();
  tf.dispose([p, variable, ballast]);
});

test("kernels are shared: many tensors and optimizers compile no more than one of each", () => {
  const compiled = vi.spyOn(WebAssembly, "Module");
  const spec = (): Spec =>
    rule({
      name: "shared",
      hyperparameters: {},
      state: { m: 0 },
      update: ({ p, g, m }) => ({ p: p.sub(g.mul(0.125)).sub(m.mul(0.03)), m: m.mul(0.77).add(g) }),
    })();
  const variables = Array.from({ length: 20 }, (_, i) => tf.tidy(() => tf.variable(tensor([3 + i, 4], i))));
  const optimizers = [hyper(spec()), hyper(spec())];
  for (const optimizer of optimizers) {
    for (const t of [1, 2]) for (const variable of variables) step(optimizer, variable, t);
  }
  // The update, and at most the probe of the gradients, where nothing has compiled it yet.
  expect(compiled.mock.calls.length).toBeLessThanOrEqual(2);
  expect(compiled.mock.calls.length).toBeGreaterThan(0);
  for (const optimizer of optimizers) optimizer.dispose();
  tf.dispose(variables);
  compiled.mockRestore();
});

test("what is learned per element is written in place as well", () => {
  const learner = rule({
    name: "plain",
    hyperparameters: {},
    state: {},
    update: ({ p, g }) => ({ p: p.sub(g.mul(1e-3)) }),
  })();
  const spec = rule({
    name: "gd",
    hyperparameters: {
      lr: { default: 0.1, domain: { name: "nonNegative", min: 0, max: Infinity, description: "" }, per: "model" },
    },
    state: {},
    update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
  })({ lr: learned(0.1, learner, { per: "element" }) });
  const p = tensor([6, 3], 0);
  const variable = tf.variable(p);
  p.dispose();
  const optimizer = hyper(spec);
  const before = address(variable);
  for (const t of [1, 2, 3]) step(optimizer, variable, t);
  expect(address(variable)).toBe(before);
  expectClose(variable.dataSync(), expected(spec, [6, 3], 3));
  optimizer.dispose();
  variable.dispose();
});
