import { decodeCheckpoint, encodeCheckpoint, hyper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { all, optimizer, saveBeforeEach, saved } from "../saved-run.js";
import { averaged, step, valuesOf } from "../support.js";
import { spec } from "./spec.js";

saveBeforeEach(spec, 3);

describe("a checkpoint", () => {
  test("is a plain object that says what is in it", () => {
    expect(saved.format).toBe("hypergrad-checkpoint/1");
    expect(saved.structure).toContain("averaged(");
    expect(saved.variables).toEqual({ w: [2, 3], b: [3] });
    for (const { dtype, shape, values } of Object.values(saved.tensors)) {
      expect(values).toBeInstanceOf(dtype === "float64" ? Float64Array : Float32Array);
      expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
    }
  });

  test("survives structuredClone and its file bit for bit", () => {
    expect(structuredClone(saved)).toEqual(saved);
    expect(decodeCheckpoint(encodeCheckpoint(saved))).toEqual(saved);
  });

  test("is a copy: what the optimizer does later does not change it", () => {
    const copy = structuredClone(saved);
    for (let i = 3; i < 6; i++) step(optimizer, all, i);
    expect(saved).toEqual(copy);
  });

  test("has the state of the moment of the call, whatever happens before it arrives", async () => {
    const pending = optimizer.checkpoint();
    step(optimizer, all, 9);
    expect(await pending).toEqual(saved);
  });

  test.each(["object", "file"])("as a %s resumes the run bit for bit", async (form) => {
    const start = valuesOf(all);
    for (let i = 3; i < 7; i++) step(optimizer, all, i);
    const expected = { values: valuesOf(all), remembered: await optimizer.checkpoint() };
    for (const [name, variable] of Object.entries(all)) {
      tf.tidy(() => variable.assign(tf.tensor(start[name] as number[], variable.shape)));
    }
    const resumed = hyper(spec);
    resumed.restore(form === "file" ? decodeCheckpoint(encodeCheckpoint(saved)) : saved);
    expect(resumed.iterations).toBe(3);
    expect(await resumed.checkpoint()).toEqual(saved);
    for (let i = 3; i < 7; i++) step(resumed, all, i);
    expect({ values: valuesOf(all), remembered: await resumed.checkpoint() }).toEqual(expected);
    resumed.dispose();
  });

  test("replaces what the optimizer remembered, and leaks nothing", async () => {
    for (let i = 3; i < 6; i++) step(optimizer, all, i);
    const { numTensors } = tf.memory();
    optimizer.restore(saved);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(await optimizer.checkpoint()).toEqual(saved);
  });

  test("of an optimizer that took no step yet is one too", async () => {
    const fresh = hyper(spec);
    const empty = decodeCheckpoint(encodeCheckpoint(await fresh.checkpoint()));
    expect(empty.variables).toEqual({});
    fresh.restore(empty);
    expect(fresh.iterations).toBe(0);
    const weights = await fresh.getWeights();
    await fresh.setWeights(weights);
    tf.dispose(weights.map(({ tensor }) => tensor));
    fresh.dispose();
  });

  test("fits an optimizer whose fixed numbers are others, as the resumed run's learning rate may be", async () => {
    const [one, other] = [hyper(averaged({ lr: 0.1 })), hyper(averaged({ lr: 0.2 }))];
    step(one, all, 1);
    other.restore(await one.checkpoint());
    expect((await other.hyperparameters()).w?.lr).toBe(0.2);
    one.dispose();
    other.dispose();
  });
});
