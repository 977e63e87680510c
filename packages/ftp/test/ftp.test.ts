import { type ChannelAxis, decodeCheckpoint, encodeCheckpoint, hyper, learned, linear } from "@hypergrad/core";
import { type FtpOptions, ftp } from "@hypergrad/ftp";
import { adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { backends, noiseOf, step, valuesOf, variables } from "../../core/test/support.js";

afterEach(() => tf.disposeVariables());

/** Values and rows of the offset from `before`, by row; `axes` name a row, none for one row. */
function rowsOf(variable: tf.Tensor, before: readonly number[], axes: readonly number[]): number[][] {
  const values = variable.dataSync();
  const rows = new Map<string, number[]>();
  for (let i = 0; i < values.length; i++) {
    let rest = i;
    const index = [...variable.shape].reverse().map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    });
    index.reverse();
    const key = axes.map((axis) => index[axis]).join();
    rows.set(key, [...(rows.get(key) ?? []), (values[i] as number) - (before[i] as number)]);
  }
  return [...rows.values()];
}

const l1 = (row: readonly number[]): number => row.reduce((total, x) => total + Math.abs(x), 0);

/** Gradients that are all 1: descent by lr proposes an offset of −lr everywhere. */
const ones = (all: Readonly<Record<string, tf.Variable>>): tf.NamedTensorMap =>
  Object.fromEntries(Object.values(all).map((variable) => [variable.name, tf.ones(variable.shape)]));

describe.each(backends)("on the %s backend", (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    return async () => {
      await tf.setBackend("cpu");
    };
  });

  test("the first step puts every projected tensor onto its anchor, wherever it began", () => {
    const all = variables({ kernel: [4, 3], bias: [3], scalar: [] });
    const anchor = { kernel: noiseOf([4, 3], 7), bias: noiseOf([3], 8), scalar: noiseOf([], 9) };
    const optimizer = hyper(ftp(adamw({ lr: 0.1 }), { anchor }));
    step(optimizer, all, 1);
    for (const [name, variable] of Object.entries(all)) {
      const offset = tf.sub(variable, anchor[name as keyof typeof anchor]);
      expect(Math.max(...offset.abs().dataSync())).toBeLessThan(1e-7);
    }
    optimizer.dispose();
  });

  test("the radius moves for the first time in step 2, by about 0.0074 and not 0.01", async () => {
    const all = variables({ kernel: [4, 3] });
    const optimizer = hyper(ftp(adamw({ lr: 0.1 })));
    tf.tidy(() => optimizer.applyGradients(ones(all)));
    expect((await optimizer.hyperparameters()).kernel?.radius).toBeCloseTo(1e-8, 12);
    tf.tidy(() => optimizer.applyGradients(ones(all)));
    // The learner's first moment is 0.1d/(1 − 0.9²), its second 0.001d²/(1 − 0.999²).
    const change = (0.01 * 0.1) / (1 - 0.9 ** 2) / Math.sqrt(0.001 / (1 - 0.999 ** 2));
    expect(change).toBeCloseTo(0.00744, 5);
    const radius = (await optimizer.hyperparameters()).kernel?.radius as number;
    expect(radius).toBeCloseTo(1e-8 + change, 6);
    optimizer.dispose();
  });

  test("what is excluded goes where the base optimizer alone takes it, bit for bit", () => {
    const run = (spec: ReturnType<typeof adamw>) => {
      const all = variables({ "body/kernel": [4, 3], "body/bias": [3], "head/kernel": [3, 2], "head/bias": [2] });
      const optimizer = hyper(spec);
      for (let i = 0; i < 4; i++) step(optimizer, all, i);
      const values = valuesOf(all);
      optimizer.dispose();
      tf.disposeVariables();
      return values;
    };
    const base = adamw({ lr: 0.1, weightDecay: 0.05 });
    const [alone, projected] = [run(base), run(ftp(base, { exclude: "head" }))];
    for (const name of ["head/kernel", "head/bias"]) expect(projected[name]).toEqual(alone[name]);
    for (const name of ["body/kernel", "body/bias"]) expect(projected[name]).not.toEqual(alone[name]);
  });

  test("a checkpoint's file holds radius, moments and anchor: the resumed run does not snap back", async () => {
    const spec = ftp(adamw({ lr: 0.1 }));
    const all = variables({ kernel: [4, 3] });
    const optimizer = hyper(spec);
    for (let i = 0; i < 4; i++) step(optimizer, all, i);
    const file = encodeCheckpoint(await optimizer.checkpoint());
    const start = all.kernel.clone();
    step(optimizer, all, 4);
    const expected = valuesOf(all);
    all.kernel.assign(start);
    const resumed = hyper(spec);
    resumed.restore(decodeCheckpoint(file));
    step(resumed, all, 4);
    expect(valuesOf(all)).toEqual(expected);
    start.dispose();
    optimizer.dispose();
    resumed.dispose();
  });
});

describe("with a fixed radius, a row", () => {
  const radius = 0.5;

  /** Offsets by row after one step of descent by 0.25 everywhere, from the start. */
  function offsets(shape: readonly number[], axes: readonly number[], options: FtpOptions = {}): number[][] {
    const { x } = variables({ x: shape });
    const before = valuesOf({ x }).x as number[];
    const optimizer = hyper(ftp(sgd({ lr: 0.25 }), { radius, ...options }));
    tf.tidy(() => optimizer.applyGradients(ones({ x })));
    optimizer.dispose();
    return rowsOf(x, before, axes);
  }

  function expectProjected(rows: readonly (readonly number[])[], count: number): void {
    expect(rows.length).toBe(count);
    for (const row of rows) {
      const proposed = 0.25 * row.length;
      expect(l1(row)).toBeCloseTo(Math.min(radius, proposed), 6);
      for (const x of row) expect(x).toBeCloseTo(-Math.min(radius, proposed) / row.length, 6);
    }
  }

  test.each<[string, number[], number[], number]>([
    ["is an output unit of a dense kernel [in, out]", [5, 3], [1], 3],
    ["is an output channel of a convolution's kernel", [3, 3, 2, 4], [3], 4],
    ["is a whole vector", [6], [], 1],
    ["is a whole number, be it a scalar", [], [], 1],
  ])("%s", (_name, shape, axes, count) => expectProjected(offsets(shape, axes), count));

  test("that is inside the ball is left as the base optimizer made it", () => {
    // Two entries of 0.25: just at the radius. One entry: inside.
    for (const shape of [
      [2, 3],
      [1, 3],
    ]) {
      for (const row of offsets(shape, [1])) for (const x of row) expect(x).toBeCloseTo(-0.25, 6);
      tf.disposeVariables();
    }
  });

  const embedding: readonly [string, ChannelAxis][] = [
    ["a record by name", { x: 0 }],
    ["a record with a list", { x: [0] }],
    ["an axis counted from the end", { x: -2 }],
    ["a function of the variable", ({ name, shape }) => (name === "x" && shape[0] === 7 ? 0 : undefined)],
  ];
  test.each(embedding)("is a token of an embedding, as channelAxis says by %s", (_name, channelAxis) => {
    expectProjected(offsets([7, 5], [0], { channelAxis }), 7);
  });

  test("is a pair of channel and multiplier of a depthwise kernel, as channelAxis says", () => {
    expectProjected(offsets([3, 3, 2, 4], [2, 3], { channelAxis: { x: [2, 3] } }), 8);
  });

  test("is what hyper says where ftp says nothing; where both do, ftp's word counts", () => {
    const count = (inner: ChannelAxis | undefined, outer: ChannelAxis) => {
      const { x } = variables({ x: [7, 5] });
      const before = valuesOf({ x }).x as number[];
      const spec = ftp(sgd({ lr: 0.25 }), { radius, ...(inner && { channelAxis: inner }) });
      const optimizer = hyper(spec, { channelAxis: outer });
      tf.tidy(() => optimizer.applyGradients(ones({ x })));
      const sum = l1(rowsOf(x, before, []).flat());
      optimizer.dispose();
      tf.disposeVariables();
      return Math.round(sum / radius);
    };
    expect(count(undefined, { x: 0 })).toBe(7);
    expect(count({ x: 1 }, { x: 0 })).toBe(5);
    expect(count({ y: 1 }, { x: 0 })).toBe(7);
  });

  test("is the whole tensor in the norm l2, whatever its shape", () => {
    for (const shape of [[5, 3], [15], [3, 1, 5]]) {
      const row = offsets(shape, [], { norm: "l2" }).flat();
      expect(Math.hypot(...row)).toBeCloseTo(radius, 6);
      for (const x of row) expect(x).toBeCloseTo(-radius / Math.sqrt(15), 6);
      tf.disposeVariables();
    }
  });

  test("stays within a radius that is scheduled", async () => {
    const { x } = variables({ x: [6, 2] });
    const before = valuesOf({ x }).x as number[];
    const optimizer = hyper(ftp(sgd({ lr: 0.25 }), { radius: linear(0.1, { steps: 4, end: 0.5 }) }));
    for (const expected of [0.1, 0.2, 0.3, 0.4, 0.5, 0.5]) {
      tf.tidy(() => optimizer.applyGradients(ones({ x })));
      for (const row of rowsOf(x, before, [1])) expect(l1(row)).toBeCloseTo(expected, 5);
      // What is shown is the schedule's value.
      expect((await optimizer.hyperparameters()).x?.radius).toBeCloseTo(expected, 12);
    }
    optimizer.dispose();
  });
});

describe("the anchor", () => {
  /** Distance of the parameters from a value after the first step. */
  function distance(options: FtpOptions, from: tf.Tensor): number {
    const all = variables({ kernel: [4, 3] });
    const optimizer = hyper(ftp(adamw({ lr: 0.1 }), options));
    step(optimizer, all, 1);
    const away = Math.max(...tf.sub(all.kernel, from).abs().dataSync());
    optimizer.dispose();
    return away;
  }

  test("is the value before the first step unless given", () => {
    const start = noiseOf([4, 3], 1000);
    expect(distance({}, start)).toBeLessThan(1e-7);
    tf.disposeVariables();
    expect(distance({ anchor: "initial" }, start)).toBeLessThan(1e-7);
  });

  test('is nothing with "zeros", as the deltas of LoRA want it', () => {
    expect(distance({ anchor: "zeros" }, tf.zeros([4, 3]))).toBeLessThan(1e-7);
  });

  test("is a tf.Tensor by name, which stays the caller's and may be disposed after the first step", () => {
    const kernel = noiseOf([4, 3], 7);
    const copy = kernel.clone();
    expect(distance({ anchor: { kernel } }, copy)).toBeLessThan(1e-7);
    expect(kernel.isDisposed).toBe(false);
    tf.disposeVariables();
    const all = variables({ kernel: [4, 3] });
    const optimizer = hyper(ftp(adamw({ lr: 0.1 }), { anchor: { kernel } }));
    step(optimizer, all, 1);
    kernel.dispose();
    step(optimizer, all, 2);
    optimizer.dispose();
  });

  test("is shape and values by name, in any array", () => {
    const kernel = noiseOf([4, 3], 7);
    for (const values of [kernel.dataSync(), [...kernel.dataSync()], Float64Array.from(kernel.dataSync())]) {
      expect(
        distance({ anchor: { kernel: { shape: [4, 3], values }, unused: { shape: [1], values: [1] } } }, kernel),
      ).toBeLessThan(1e-7);
      tf.disposeVariables();
    }
  });

  test("may be a variable of another model", () => {
    const pretrained = tf.variable(noiseOf([4, 3], 7), true, "pretrained");
    expect(distance({ anchor: { kernel: pretrained } }, pretrained)).toBeLessThan(1e-7);
  });

  test("does not move with the parameters", () => {
    const all = variables({ kernel: [4, 3] });
    const start = valuesOf(all).kernel as number[];
    const optimizer = hyper(ftp(sgd({ lr: 0.25 }), { radius: 0.5 }));
    for (let i = 0; i < 5; i++) tf.tidy(() => optimizer.applyGradients(ones(all)));
    for (const row of rowsOf(all.kernel, start, [1])) expect(l1(row)).toBeCloseTo(0.5, 6);
    optimizer.dispose();
  });
});

describe("a learned value that serves the excluded and the projected part", () => {
  const by = sgd({ lr: 1e-3 });

  async function rates(base: ReturnType<typeof adamw>) {
    const all = variables({ "body/kernel": [4, 3], "head/kernel": [3, 2] });
    const optimizer = hyper(ftp(base, { exclude: "head" }));
    for (let i = 0; i < 4; i++) step(optimizer, all, i);
    const values = await optimizer.hyperparameters();
    optimizer.dispose();
    return [values["body/kernel"]?.lr, values["head/kernel"]?.lr];
  }

  test("is one value at grain model", async () => {
    const [body, head] = await rates(adamw({ lr: learned(0.1, by) }));
    expect(body).not.toBe(0.1);
    expect(body).toBe(head);
  });

  test("is two at grain tensor", async () => {
    const [body, head] = await rates(adamw({ lr: learned(0.1, by, { per: "tensor" }) }));
    expect(body).not.toBe(head);
  });
});
