import { decodeCheckpoint, encodeCheckpoint, hyper, learned } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { averaged, descent, step, valuesOf, variables } from "../support.js";

const spec = averaged({
  lr: learned(0.1, descent({ lr: 1e-3 })),
  decay: learned(0.5, descent({ lr: 1e-3 }), { per: "channel" }),
});

afterEach(() => tf.disposeVariables());

describe("with its scalars on the device, where a step reads nothing back", () => {
  const options = { scalars: "device" } as const;

  test("the optimizer goes where it goes with them on the host", async () => {
    const run = async (scalars: "host" | "device") => {
      const all = variables({ w: [3, 2], b: [2] });
      const optimizer = hyper(spec, { scalars });
      for (let i = 0; i < 4; i++) step(optimizer, all, i);
      const seen = [...Object.values(valuesOf(all)).flat(), (await optimizer.hyperparameters()).w?.lr as number];
      optimizer.dispose();
      tf.disposeVariables();
      return seen;
    };
    const [host, device] = [await run("host"), await run("device")];
    for (const [i, x] of host.entries()) expect(device[i]).toBeCloseTo(x, 6);
  });

  test("the number of tensors is constant, and dispose frees all", async () => {
    const all = variables({ w: [3, 2], b: [2] });
    const { numTensors } = tf.memory();
    const optimizer = hyper(spec, options);
    step(optimizer, all, 1);
    step(optimizer, all, 2);
    const during = tf.memory().numTensors;
    for (let i = 3; i < 6; i++) step(optimizer, all, i);
    await optimizer.hyperparameters();
    await optimizer.checkpoint();
    expect(tf.memory().numTensors).toBe(during);
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test("a checkpoint resumes bit for bit", async () => {
    const all = variables({ w: [3, 2], b: [2] });
    const optimizer = hyper(spec, options);
    for (let i = 0; i < 3; i++) step(optimizer, all, i);
    const saved = encodeCheckpoint(await optimizer.checkpoint());
    const parameters = Object.values(all).map((variable) => variable.clone());
    for (let i = 3; i < 6; i++) step(optimizer, all, i);
    const expected = { values: valuesOf(all), hyperparameters: await optimizer.hyperparameters() };
    Object.values(all).forEach((variable, i) => void variable.assign(parameters[i] as tf.Tensor));
    const resumed = hyper(spec, options);
    resumed.restore(decodeCheckpoint(saved));
    for (let i = 3; i < 6; i++) step(resumed, all, i);
    expect({ values: valuesOf(all), hyperparameters: await resumed.hyperparameters() }).toEqual(expected);
    tf.dispose(parameters);
    optimizer.dispose();
    resumed.dispose();
  });
});
