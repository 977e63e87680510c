/**
 * What runs a step can be asked of the optimizer.
 */
import "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import "../../src/index.js";
import { type HyperOptions, hyper, learned, nonNegative, rule, type Spec, tensorRule } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { endless } from "./stepping.js";

const FUSED = "fused WASM kernels";
const OPERATIONS = "TensorFlow.js operations";

const momentum = rule({
  name: "momentum",
  hyperparameters: {},
  state: { m: 0 },
  update: ({ p, g, m }) => ({ p: p.sub(m.mul(0.1)).sub(g.mul(0.01)), m: m.mul(0.9).add(g) }),
})();

let variable: tf.Variable;
beforeEach(async () => {
  await tf.setBackend("wasm");
  variable = tf.tidy(() => tf.variable(tf.ones([3, 4]), true, "w"));
});
afterEach(() => variable.dispose());

/** What runs the last of some steps. */
function used(spec: Spec, options: HyperOptions = {}, steps = 2) {
  const optimizer = hyper(spec, options);
  expect(optimizer.executors()).toEqual([]);
  for (let t = 0; t < steps; t++) tf.tidy(() => optimizer.applyGradients({ w: tf.ones([3, 4]) }));
  const uses = optimizer.executors();
  optimizer.dispose();
  return uses;
}

test("on WASM it is the fused kernels, for all of a step", () => {
  expect(used(momentum)).toEqual([{ executor: FUSED, programs: ["probe", "momentum: update"] }]);
});

test("with what is learned too", () => {
  const descent = rule({
    name: "descent",
    hyperparameters: { lr: nonNegative(0.1) },
    state: {},
    update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
  });
  const spec = descent({ lr: learned(0.1, momentum, { per: "element" }) });
  const uses = used(spec);
  expect(uses.map(({ executor }) => executor)).toEqual([FUSED]);
  expect(uses[0]?.programs).toEqual(
    expect.arrayContaining(["descent: hyper-gradients", "momentum: update", "learned values", "descent: update"]),
  );
});

test.each<[string, HyperOptions, string]>([
  ["they were asked for", { executor: "tfjs" }, 'the optimizer has the option executor: "tfjs"'],
  ["scalars are on the device", { scalars: "device" }, "values that cover a whole tensor stay on the device"],
])("it is TensorFlow.js's operations, with the reason, where %s", (_, options, reason) => {
  const uses = used(momentum, options);
  expect(uses).toEqual([{ executor: OPERATIONS, programs: expect.any(Array), reason }]);
  expect(uses[0]?.programs).toContain("momentum: update");
});

test("it is TensorFlow.js's operations on a backend for which nothing is registered", async () => {
  await tf.setBackend("cpu");
  const [use] = used(momentum);
  expect(use).toMatchObject({ executor: OPERATIONS, reason: "nothing faster is registered for the backend cpu" });
});

test("it is both where a part of the step cannot be compiled, or is a rule's own operations", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  expect(used(endless)).toEqual([
    { executor: FUSED, programs: ["probe"] },
    {
      executor: OPERATIONS,
      programs: ["endless: update"],
      reason: expect.stringMatching(/^it has \d+ operations, more than 2000$/),
    },
  ]);
  warn.mockRestore();
  const signs = tensorRule({
    name: "signs",
    hyperparameters: {},
    state: {},
    inputs: ({ g }) => ({ g }),
    direction: ({ g }) => ({ value: tf.sign(g) }),
    update: ({ p, direction }) => ({ p: p.sub(direction) }),
  })();
  expect(used(signs)).toContainEqual({ executor: OPERATIONS, programs: ["operators"], reason: "they work on tensors" });
});

test("it is TensorFlow.js's operations where a tensor is on another backend, until the step has brought it here", async () => {
  await tf.setBackend("cpu");
  variable.dispose();
  variable = tf.tidy(() => tf.variable(tf.ones([3, 4]), true, "w"));
  await tf.setBackend("wasm");
  expect(used(momentum, {}, 1)).toContainEqual({
    executor: OPERATIONS,
    programs: expect.arrayContaining(["momentum: update"]),
    reason: "a tensor is on another backend",
  });
  expect(used(momentum).map(({ executor }) => executor)).toEqual([FUSED]);
});
