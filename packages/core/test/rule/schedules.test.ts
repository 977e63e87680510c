import { constant, cosine, exponential, hyper, linear, type Schedule, sequence, warmup } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { descent, refuses, refusesUnchanged, step, variables } from "../support.js";

const at = (schedule: Schedule, ...steps: number[]): number[] => steps.map((t) => Number(schedule(t).toPrecision(12)));

describe("schedules at their ends", () => {
  test("constant is the same everywhere", () => {
    expect(at(constant(0.3), 0, 1, 1e9)).toEqual([0.3, 0.3, 0.3]);
  });

  test("cosine begins at start, is half way at half time, and stays at end", () => {
    expect(at(cosine(1, { steps: 4 }), 0, 1, 2, 4, 5, 400)).toEqual([1, 0.853553390593, 0.5, 0, 0, 0]);
    expect(at(cosine(1, { steps: 4, end: 0.2 }), 0, 2, 4, 100)).toEqual([1, 0.6, 0.2, 0.2]);
    expect(at(cosine(0.2, { steps: 4, end: 1 }), 0, 2, 4)).toEqual([0.2, 0.6, 1]);
    expect(at(cosine(3, { steps: 1 }), 0, 1)).toEqual([3, 0]);
  });

  test("linear is a straight line that ends", () => {
    expect(at(linear(1, { steps: 4 }), 0, 1, 4, 5)).toEqual([1, 0.75, 0, 0]);
    expect(at(linear(1, { steps: 4, end: 2 }), 0, 1, 4, 5)).toEqual([1, 1.25, 2, 2]);
  });

  test("exponential multiplies by rate every `steps` steps and never passes end", () => {
    expect(at(exponential(1, { rate: 0.5 }), 0, 1, 3)).toEqual([1, 0.5, 0.125]);
    expect(at(exponential(8, { rate: 0.25, steps: 2 }), 0, 1, 2)).toEqual([8, 4, 2]);
    expect(at(exponential(1, { rate: 0.5, end: 0.3 }), 1, 2, 90)).toEqual([0.5, 0.3, 0.3]);
    expect(at(exponential(1, { rate: 2, end: 3 }), 1, 2, 90)).toEqual([2, 3, 3]);
  });

  test("warmup rises to its peak and stays there", () => {
    expect(at(warmup(1, { steps: 4 }), 0, 1, 4, 9)).toEqual([0, 0.25, 1, 1]);
    expect(at(warmup(1, { steps: 4, start: 0.2 }), 0, 2, 4)).toEqual([0.2, 0.6, 1]);
  });

  test("sequence counts every part from its own first step, and the last goes on for ever", () => {
    const schedule = sequence([warmup(1, { steps: 2 }), 2], [constant(1), 3], linear(1, { steps: 2 }));
    expect(at(schedule, 0, 1, 2, 4, 5, 6, 7, 100)).toEqual([0, 0.5, 1, 1, 1, 0.5, 0, 0]);
    expect(at(sequence(constant(2)), 0, 7)).toEqual([2, 2]);
  });
});

describe("a schedule with bad arguments is refused", () => {
  const cases: readonly [string, () => unknown, ...string[]][] = [
    ["constant", () => constant(Number.NaN), "constant: value is NaN", "a finite number"],
    ["cosine without steps", () => cosine(1, {} as never), "cosine: steps is undefined", "a whole number of steps"],
    ["cosine with half a step", () => cosine(1, { steps: 2.5 }), "cosine: steps is 2.5", "at least 1"],
    ["cosine from infinity", () => cosine(Number.POSITIVE_INFINITY, { steps: 3 }), "cosine: start is Infinity"],
    ["cosine to NaN", () => cosine(1, { steps: 3, end: Number.NaN }), "cosine: end is NaN"],
    ["linear with no step", () => linear(1, { steps: 0 }), "linear: steps is 0"],
    ["linear to infinity", () => linear(1, { steps: 3, end: Number.NEGATIVE_INFINITY }), "linear: end is -Infinity"],
    ["exponential with rate 0", () => exponential(1, { rate: 0 }), "exponential: rate is 0", "a number > 0"],
    ["exponential with rate NaN", () => exponential(1, { rate: Number.NaN }), "exponential: rate is NaN"],
    ["exponential with steps −1", () => exponential(1, { rate: 0.5, steps: -1 }), "exponential: steps is -1"],
    ["exponential to NaN", () => exponential(1, { rate: 0.5, end: Number.NaN }), "exponential: end is NaN"],
    ["warmup under its own name", () => warmup(1, { steps: 0 }), "warmup: steps is 0", "at least 1"],
    ["warmup to NaN", () => warmup(Number.NaN, { steps: 2 }), "warmup: peak is NaN"],
    [
      "sequence that ends in a pair",
      () => sequence([constant(1), 2] as never),
      "sequence: the last part lasts for ever",
      "without a number of steps",
    ],
    ["sequence of nothing", () => sequence(...([] as unknown as [Schedule])), "sequence:"],
    [
      "sequence with a part of no steps",
      () => sequence([constant(1), 0], constant(2)),
      "sequence: the length of part 1 is 0",
    ],
    [
      "sequence with a bare schedule before the last",
      () => sequence(constant(1) as never, constant(2)),
      "sequence: part 1",
      "a pair",
    ],
  ];
  test.each(cases)("%s", (_name, act, ...parts) => refuses(act, ...parts));
});

describe("a schedule as a hyperparameter", () => {
  afterEach(() => tf.disposeVariables());

  test("is given the number of completed steps", async () => {
    const asked: number[] = [];
    const lr = (t: number): number => {
      asked.push(t);
      return 1 / (1 + t);
    };
    const w = variables({ w: [2] });
    const optimizer = hyper(descent({ lr }));
    const seen: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      step(optimizer, w, i);
      seen.push((await optimizer.hyperparameters()).w?.lr);
    }
    expect(seen).toEqual([1, 1 / 2, 1 / 3]);
    expect(new Set(asked)).toEqual(new Set([0, 1, 2]));
    optimizer.dispose();
  });

  test("that leaves its hyperparameter's domain stops the step before anything is changed", async () => {
    const w = variables({ w: [2, 3] });
    const optimizer = hyper(descent({ lr: linear(0.2, { steps: 2, end: -0.2 }) }));
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    await refusesUnchanged(
      optimizer,
      w,
      () => step(optimizer, w, 3),
      "descent: the schedule of lr gives -0.2 at step 2",
      "a number ≥ 0",
    );
    optimizer.dispose();
  });

  test("that begins outside its domain is refused when the optimizer is built", () => {
    refuses(() => hyper(descent({ lr: () => Number.NaN })), "descent: the schedule of lr gives NaN at step 0");
  });

  test("shows, after a restore, the value of the last step", async () => {
    const w = variables({ w: [3] });
    const spec = descent({ lr: linear(1, { steps: 10 }) });
    const optimizer = hyper(spec);
    for (let i = 0; i < 3; i++) step(optimizer, w, i);
    const before = await optimizer.hyperparameters();
    const resumed = hyper(spec);
    resumed.restore(await optimizer.checkpoint());
    expect(await resumed.hyperparameters()).toEqual(before);
    expect(before.w?.lr).toBe(0.8);
    optimizer.dispose();
    resumed.dispose();
  });
});
