/**
 * The fused executor on TensorFlow.js's heap: what it may write over, and what it must leave alone.
 */
import "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import "../../src/index.js";
import { type HyperOptimizer, hyper, learned, rule, type Spec, sum } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeEach, describe, expect, test, vi } from "vitest";

const momentum = rule({
  name: "momentum",
  hyperparameters: {},
  state: { m: 0 },
  update: ({ p, g, m }) => {
    const next = m.mul(0.9).add(g);
    return { p: p.sub(next.mul(0.1)), m: next };
  },
})();

const numbers = (n: number, seed: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(1 + i * (seed + 0.37)));

const tensor = (shape: readonly number[], seed: number): tf.Tensor =>
  tf.tensor(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    [...shape],
    "float32",
  );

const address = ({ dataId }: tf.Tensor): number =>
  (tf.backend() as unknown as { dataIdMap: { get(id: object): { memoryOffset: number } } }).dataIdMap.get(dataId)
    .memoryOffset;

function step(optimizer: HyperOptimizer, variable: tf.Variable, seed: number): void {
  const g = tensor(variable.shape, seed);
  optimizer.applyGradients([{ name: variable.name, tensor: g }]);
  g.dispose();
}

/** What three steps make of a variable, by TensorFlow.js operations. */
function expected(spec: Spec, shape: readonly number[], steps: number): Float32Array {
  const p = tensor(shape, 0);
  const variable = tf.variable(p);
  const optimizer = hyper(spec, { executor: "tfjs" });
  for (let t = 1; t <= steps; t++) step(optimizer, variable, t);
  const values = variable.dataSync<"float32">();
  optimizer.dispose();
  tf.dispose([p, variable]);
  return Float32Array.from(values);
}

function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(actual.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    expect(Math.abs((actual[i] as number) - (wanted[i] as number))).toBeLessThan(1e-5);
  }
}

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

describe("backends", () => {
  test("may be switched in mid-run: the run goes on as if it had stayed", async () => {
    const spec = rule({
      name: "scaled",
      hyperparameters: {},
      state: { m: 0 },
      update: ({ p, g, m }) => ({ p: p.sub(g.mul(0.1)).sub(m.mul(0.01)), m: m.add(g) }),
    })();
    const p = tensor([6, 5], 0);
    const variable = tf.variable(p);
    const optimizer = hyper(spec);
    const before = tf.memory().numTensors;
    let t = 0;
    for (const backend of ["wasm", "wasm", "cpu", "cpu", "wasm", "cpu", "wasm", "wasm"]) {
      await tf.setBackend(backend);
      step(optimizer, variable, ++t);
    }
    expectClose(variable.dataSync(), expected(spec, [6, 5], t));
    expect(tf.memory().numTensors).toBe(before + 1);
    optimizer.dispose();
    tf.dispose([p, variable]);
  });

  test("may be several at once: a tensor that lives elsewhere is served too", async () => {
    await tf.setBackend("cpu");
    const p = tensor([6, 5], 0);
    const variable = tf.variable(p);
    const g = tensor([6, 5], 1);
    await tf.setBackend("wasm");
    const optimizer = hyper(momentum);
    optimizer.applyGradients([{ name: variable.name, tensor: g }]);
    expectClose(variable.dataSync(), expected(momentum, [6, 5], 1));
    optimizer.dispose();
    tf.dispose([p, g, variable]);
  });

  test("may be removed under an optimizer, which says so, and goes on from a checkpoint on the one that comes back", async () => {
    const p = tensor([6, 5], 0);
    let variable = tf.variable(p, true, "removed");
    const optimizer = hyper(momentum);
    for (const t of [1, 2]) step(optimizer, variable, t);
    const checkpoint = await optimizer.checkpoint();
    const values = variable.dataSync();
    const factory = tf.findBackendFactory("wasm");
    tf.dispose([p, variable]);
    await tf.setBackend("cpu");
    tf.removeBackend("wasm");
    tf.registerBackend("wasm", factory);
    await tf.setBackend("wasm");
    variable = tf.tidy(() => tf.variable(tf.tensor(values, [6, 5]), true, "removed"));
    expect(() => step(optimizer, variable, 3)).toThrow(
      "applyGradients: tf.removeBackend(), for the backend of its last step, took away what this optimizer remembers",
    );
    optimizer.restore(checkpoint);
    step(optimizer, variable, 3);
    expectClose(variable.dataSync(), expected(momentum, [6, 5], 3));
    optimizer.dispose();
    variable.dispose();
  });

  test("may be removed and come back", async () => {
    const [p, q] = [tensor([6, 5], 0), tensor([6, 5], 0)];
    let variable = tf.variable(p);
    const first = hyper(momentum);
    for (const t of [1, 2]) step(first, variable, t);
    const wanted = variable.dataSync<"float32">();
    const factory = tf.findBackendFactory("wasm");
    first.dispose();
    tf.dispose([p, q, variable]);
    await tf.setBackend("cpu");
    tf.removeBackend("wasm");
    tf.registerBackend("wasm", factory);
    await tf.setBackend("wasm");
    const again = tensor([6, 5], 0);
    variable = tf.variable(again);
    const second = hyper(momentum);
    for (const t of [1, 2]) step(second, variable, t);
    expect(variable.dataSync()).toEqual(wanted);
    second.dispose();
    tf.dispose([again, variable]);
  });
});

describe("what no kernel can do is left to TensorFlow.js operations", () => {
  test("a rule of too many operations, with one warning that names the rule", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const endless = rule({
      name: "endless",
      hyperparameters: {},
      state: {},
      update({ p, g }) {
        let next = p;
        for (let i = 0; i < 2100; i++) next = next.sub(g.mul(1e-6 * (1 + (i % 7))));
        return { p: next };
      },
    })();
    const p = tensor([9], 0);
    const variable = tf.variable(p);
    const optimizer = hyper(endless);
    for (const t of [1, 2]) step(optimizer, variable, t);
    expectClose(variable.dataSync(), expected(endless, [9], 2));
    expect(warn.mock.calls.map(([text]) => text).filter((text) => text.includes("endless"))).toEqual([
      expect.stringMatching(/endless: update is not compiled: it has \d+ operations, more than 2000/),
    ]);
    optimizer.dispose();
    tf.dispose([p, variable]);
    warn.mockRestore();
  });

  test("every step, where the engine has no SIMD, with one warning", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const validate = vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    vi.resetModules();
    try {
      await import("../../src/index.js");
      const texts = warn.mock.calls.map(([text]) => String(text));
      expect(texts.filter((text) => text.includes("has no SIMD"))).toHaveLength(1);
      const { tensorExecutor } = await import("@hypergrad/core/executors");
      const { compile } = await import("../../../core/src/expression/program.js");
      const { input } = await import("../../../core/src/expression/expression.js");
      const { layoutOf } = await import("../../../core/src/expression/layout.js");
      const x = tensor([4], 0);
      const executor = tensorExecutor(() => "host", true);
      const { y } = executor.run(compile({ y: input("x", "element").mul(2) }), { x }, layoutOf([4]));
      expectClose(
        (y as tf.Tensor).dataSync(),
        numbers(4, 0).map((value) => 2 * value),
      );
      tf.dispose([x, y as tf.Tensor]);
    } finally {
      validate.mockRestore();
      warn.mockRestore();
      vi.resetModules();
    }
  });
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
