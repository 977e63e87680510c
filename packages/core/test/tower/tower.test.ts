import { hyper, learned } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { descent, step, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

describe("a tower", () => {
  test("of four levels shows every level's values, with a dot for each", async () => {
    const tower = descent({
      lr: learned(0.1, descent({ lr: learned(1e-2, descent({ lr: learned(1e-3, descent({ lr: 1e-4 })) })) })),
    });
    const w = variables({ w: [3] });
    const optimizer = hyper(tower);
    for (const seed of [1, 2, 3, 4, 5]) step(optimizer, w, seed);
    const { w: values } = await optimizer.hyperparameters();
    expect(Object.keys(values ?? {})).toEqual(["lr", "lr.lr", "lr.lr.lr", "lr.lr.lr.lr"]);
    expect(values?.["lr.lr.lr.lr"]).toBe(1e-4);
    for (const [name, init] of [
      ["lr", 0.1],
      ["lr.lr", 1e-2],
      ["lr.lr.lr", 1e-3],
    ] as const) {
      expect(values?.[name]).not.toBe(init);
    }
    optimizer.dispose();
  });

  test("takes a schedule at any level", async () => {
    const w = variables({ w: [3] });
    const optimizer = hyper(descent({ lr: learned(0.1, descent({ lr: (t) => 0.01 / (1 + t) })) }));
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    expect((await optimizer.hyperparameters()).w?.["lr.lr"]).toBe(0.005);
    optimizer.dispose();
  });
});
