import { float64, groups, hyper, learned } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { averaged, descent, noise, refuses, step, valuesOf, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

const shapes = { a: [2, 3], b: [3] } as const;
/** Learners with state, a learned rate of their own, and two grains. */
const spec = () =>
  averaged({
    lr: learned(0.1, averaged({ lr: learned(0.01, averaged({ lr: 1e-4 })) })),
    decay: learned(0.5, averaged({ lr: 0.01 }), { per: "channel", in: "logit", horizon: 3 }),
  });

/** Everything that a checkpoint holds of these keys. */
const partOf = async (optimizer: ReturnType<typeof hyper>, keys: RegExp) =>
  Object.fromEntries(Object.entries((await optimizer.checkpoint()).tensors).filter(([key]) => keys.test(key)));

describe.each(["host", "device"] as const)("with scalars on the %s", (scalars) => {
  test("a frozen value stands still with its learner, its state and its step count, and the others go on", async () => {
    const w = variables(shapes);
    const optimizer = hyper(spec(), { scalars });
    for (const seed of [1, 2, 3]) step(optimizer, w, seed);
    // What belongs to lr: its value, its learner's level, and the level above that one.
    const ofRate = /\*:lr|^0\.0(\.0)?@steps|^0\.0/;
    const before = await partOf(optimizer, ofRate);
    expect(Object.keys(before).length).toBeGreaterThan(8);
    const { lr, "lr.lr": upper, decay } = (await optimizer.hyperparameters()).a ?? {};
    optimizer.freeze("lr");
    for (const seed of [4, 5]) step(optimizer, w, seed);
    expect((await optimizer.hyperparameters()).a).toMatchObject({ lr, "lr.lr": upper });
    expect((await optimizer.hyperparameters()).a?.decay).not.toEqual(decay);
    expect(await partOf(optimizer, ofRate)).toEqual(before);
    optimizer.unfreeze("lr");
    step(optimizer, w, 6);
    expect((await optimizer.hyperparameters()).a?.lr).not.toBe(lr);
    optimizer.dispose();
  });

  test("a learner's own value is frozen by its path, and what it learns goes on", async () => {
    const w = variables(shapes);
    const optimizer = hyper(spec(), { scalars });
    for (const seed of [1, 2, 3]) step(optimizer, w, seed);
    const { lr, "lr.lr": upper } = (await optimizer.hyperparameters()).a ?? {};
    expect(upper).not.toBe(0.01);
    optimizer.freeze("lr.lr");
    for (const seed of [4, 5]) step(optimizer, w, seed);
    expect((await optimizer.hyperparameters()).a?.["lr.lr"]).toBe(upper);
    expect((await optimizer.hyperparameters()).a?.lr).not.toBe(lr);
    optimizer.unfreeze();
    step(optimizer, w, 6);
    expect((await optimizer.hyperparameters()).a?.["lr.lr"]).not.toBe(upper);
    optimizer.dispose();
  });

  test("a checkpoint remembers what is frozen, and goes on bit for bit", async () => {
    const w = variables(shapes);
    const optimizer = hyper(spec(), { scalars });
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    optimizer.freeze("decay", "lr.lr");
    step(optimizer, w, 3);
    const checkpoint = await optimizer.checkpoint();
    const frozen = (await optimizer.hyperparameters()).a;
    const own = tf.tidy(() => Object.values(w).map((each) => tf.keep(each.clone())));
    for (const seed of [4, 5]) step(optimizer, w, seed);
    const uninterrupted = [valuesOf(w), await optimizer.hyperparameters(), await optimizer.checkpoint()];
    const resumed = hyper(spec(), { scalars });
    resumed.restore(checkpoint);
    Object.values(w).forEach((each, i) => {
      each.assign(own[i] as tf.Tensor);
    });
    for (const seed of [4, 5]) step(resumed, w, seed);
    expect([valuesOf(w), await resumed.hyperparameters(), await resumed.checkpoint()]).toEqual(uninterrupted);
    const after = (await resumed.hyperparameters()).a;
    expect([after?.decay, after?.["lr.lr"]]).toEqual([frozen?.decay, frozen?.["lr.lr"]]);
    expect(after?.lr).not.toBe(frozen?.lr);
    // One that was restored over forgets what was frozen before.
    const other = hyper(spec(), { scalars });
    other.freeze("lr");
    other.restore(checkpoint);
    step(other, w, 6);
    expect((await other.hyperparameters()).a?.lr).not.toBe(frozen?.lr);
    for (const each of [optimizer, resumed, other]) each.dispose();
    tf.dispose(own);
  });
});

test("variables that come later are frozen too", async () => {
  const w = variables(shapes);
  const optimizer = hyper(averaged({ lr: learned(0.1, descent({ lr: 1 }), { per: "tensor" }) }));
  optimizer.freeze("lr");
  step(optimizer, { a: w.a }, 1);
  step(optimizer, w, 2);
  step(optimizer, w, 3);
  expect(await optimizer.hyperparameters()).toMatchObject({ a: { lr: 0.1 }, b: { lr: 0.1 } });
  optimizer.unfreeze("lr");
  step(optimizer, w, 4);
  expect((await optimizer.hyperparameters()).b?.lr).not.toBe(0.1);
  optimizer.dispose();
});

test("without names it is everything that is learned, at every level", async () => {
  const w = variables(shapes);
  const optimizer = hyper(spec());
  for (const seed of [1, 2, 3]) step(optimizer, w, seed);
  const before = await optimizer.hyperparameters();
  optimizer.freeze();
  for (const seed of [4, 5]) step(optimizer, w, seed);
  expect(await optimizer.hyperparameters()).toEqual(before);
  // The rule's own values as they are: the same as without learning, from here on.
  expect(optimizer.iterations).toBe(5);
  optimizer.unfreeze("lr");
  step(optimizer, w, 6);
  const after = await optimizer.hyperparameters();
  expect(after.a?.lr).not.toBe(before.a?.lr);
  expect([after.a?.decay, after.a?.["lr.lr"]]).toEqual([before.a?.decay, before.a?.["lr.lr"]]);
  optimizer.dispose();
});

test("the hyper-gradient goes on being right: with a horizon it has counted the frozen steps", () => {
  const run = (freezes: boolean) => {
    const optimizer = float64(
      descent({ lr: learned(0.5, descent({ lr: 0.01 }), { horizon: Number.POSITIVE_INFINITY }) }),
      {
        a: { shape: [3], values: [0, 0, 0] },
      },
    );
    const gs = [1, 2, 3, 4].map((seed) => noise(3, seed));
    gs.forEach((g, t) => {
      if (freezes) optimizer.freeze("lr", t === 1 || t === 2);
      optimizer.step({ a: g });
    });
    return { lr: optimizer.hyperparameters().a?.lr as number, gs };
  };
  const { lr, gs } = run(true);
  const s = [0, 1, 2].map((i) => -(gs[0]?.[i] as number) - (gs[1]?.[i] as number) - (gs[2]?.[i] as number));
  expect(lr).toBeCloseTo(0.5 - 0.01 * s.reduce((sum, x, i) => sum + x * (gs[3]?.[i] as number), 0), 12);
  expect(run(false).lr).not.toBeCloseTo(lr, 6);
});

test("a name stands for all values of that name, in every group", async () => {
  const w = variables(shapes);
  const optimizer = hyper(
    groups([["a", averaged({ lr: learned(0.2, descent()) })]], descent({ lr: learned(0.1, descent()) })),
  );
  optimizer.freeze("lr");
  for (const seed of [1, 2, 3]) step(optimizer, w, seed);
  expect(await optimizer.hyperparameters()).toMatchObject({ a: { lr: 0.2 }, b: { lr: 0.1 } });
  optimizer.dispose();
});

test("of a name of which nothing is learned it says what there is", () => {
  const optimizer = hyper(spec());
  refuses(() => optimizer.freeze("beta"), 'freeze: nothing called "beta" is learned; there are lr, lr.lr, decay.');
  refuses(() => optimizer.freeze("lr", "decay.lr"), 'freeze: nothing called "decay.lr" is learned');
  refuses(() => optimizer.unfreeze("lr.lr.lr"), 'unfreeze: nothing called "lr.lr.lr" is learned');
  const plain = hyper(averaged());
  refuses(() => plain.freeze("lr"), 'freeze: nothing called "lr" is learned; nothing is.');
  plain.freeze();
  optimizer.dispose();
  plain.dispose();
});
