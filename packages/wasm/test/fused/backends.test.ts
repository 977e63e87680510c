import "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import "../../src/index.js";
import { hyper, rule } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeEach, describe, expect, test } from "vitest";
import { expectClose, expected, momentum, step, tensor } from "./stepping.js";

beforeEach(async () => {
  await tf.setBackend("wasm");
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
