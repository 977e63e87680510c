import { float64, groups, hyper, learned, type Spec, type VariableInfo } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { averaged, descent, noise, refuses, step, valuesOf, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

const at = (lr: number): Spec => descent({ lr });
const parameters = {
  "body/kernel": { shape: [2, 2], values: [0, 0, 0, 0] },
  "body/bias": { shape: [2], values: [0, 0] },
  "head/kernel": { shape: [2], values: [0, 0] },
  header: { shape: [], values: [0] },
};
const ones = Object.fromEntries(Object.entries(parameters).map(([name, { values }]) => [name, values.map(() => 1)]));

/** The rate of every parameter, from one step with gradients of 1. */
function rates(spec: Spec): Record<string, number> {
  const optimizer = float64(spec, parameters);
  optimizer.step(ones);
  return Object.fromEntries(
    Object.entries(optimizer.parameters).map(([name, { values }]) => [name, -(values[0] as number)]),
  );
}

describe("a variable takes the optimizer of the first group that it matches:", () => {
  test("by name, leading path, regular expression, function of name and shape, or a list of these", () => {
    const flat = ({ shape }: VariableInfo) => shape.length < 2;
    expect(rates(groups([["head", at(1)]], at(9)))).toEqual({
      "body/kernel": 9,
      "body/bias": 9,
      "head/kernel": 1,
      header: 9,
    });
    expect(rates(groups([[/kernel$/, at(1)]], at(9)))).toEqual({
      "body/kernel": 1,
      "body/bias": 9,
      "head/kernel": 1,
      header: 9,
    });
    expect(rates(groups([[flat, at(1)]], at(9)))).toEqual({
      "body/kernel": 9,
      "body/bias": 1,
      "head/kernel": 1,
      header: 1,
    });
    expect(rates(groups([[["header", /^body.bias/g], at(1)]], at(9)))).toEqual({
      "body/kernel": 9,
      "body/bias": 1,
      "head/kernel": 9,
      header: 1,
    });
  });

  test("in the order of the list", () => {
    expect(
      rates(
        groups(
          [
            ["head", at(1)],
            [/kernel/, at(2)],
            [() => true, at(3)],
          ],
          at(9),
        ),
      ),
    ).toEqual({ "body/kernel": 2, "body/bias": 3, "head/kernel": 1, header: 3 });
    expect(
      rates(
        groups(
          [
            [/kernel/, at(2)],
            ["head", at(1)],
          ],
          at(9),
        ),
      ),
    ).toEqual({ "body/kernel": 2, "body/bias": 9, "head/kernel": 2, header: 9 });
  });

  test("and groups nest", () => {
    const inner = groups([[/bias/, at(1)]], at(2));
    expect(rates(groups([["body", inner]], at(9)))).toEqual({
      "body/kernel": 2,
      "body/bias": 1,
      "head/kernel": 9,
      header: 9,
    });
  });
});

test("a learned object in several groups is one value, moved by all of them; two are two", () => {
  const gradients = [1, 2].map((seed) =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, { values }], i) => [name, noise(values.length, 10 * seed + i)]),
    ),
  );
  const run = (body: Parameters<typeof descent>[0], rest: Parameters<typeof descent>[0]) => {
    const optimizer = float64(groups([["body", averaged(body)]], descent(rest)), parameters);
    for (const g of gradients) optimizer.step(g);
    const { "body/bias": bias, header } = optimizer.hyperparameters();
    return [bias?.lr as number, header?.lr as number];
  };
  const [first, second] = gradients as [Record<string, Float32Array>, Record<string, Float32Array>];
  const d = (pattern: RegExp) => {
    const names = Object.keys(first).filter((name) => pattern.test(name));
    const rows = (of: typeof first) => names.flatMap((name) => [...(of[name] as Float32Array)]);
    return -rows(first).reduce((sum, x, i) => sum + x * (rows(second)[i] as number), 0);
  };
  const by = descent({ lr: 0.01 });
  const one = learned(0.5, by);
  const [a, b] = run({ lr: one }, { lr: one });
  expect(a).toBe(b);
  expect(a).toBeCloseTo(0.5 - 0.01 * d(/./), 12);
  const [c, e] = run({ lr: learned(0.5, by) }, { lr: learned(0.5, by) });
  expect(c).toBeCloseTo(0.5 - 0.01 * d(/^body/), 12);
  expect(e).toBeCloseTo(0.5 - 0.01 * d(/^head/), 12);
});

describe("on tensors", () => {
  const shapes = { a: [2, 3], b: [3] } as const;
  function flat({ shape }: VariableInfo) {
    return shape.length < 2;
  }
  const spec = (which: Parameters<typeof groups>[0][number][0] = flat, by = descent({ lr: 0.01 })) => {
    const rate = learned(0.1, by);
    return groups([[which, averaged({ lr: rate, decay: learned(0.5, by) })]], descent({ lr: rate }));
  };

  test("a checkpoint of groups by a function goes on bit for bit, and fits only groups of that name", async () => {
    const w = variables(shapes);
    const optimizer = hyper(spec());
    for (const seed of [1, 2, 3]) step(optimizer, w, seed);
    const checkpoint = await optimizer.checkpoint();
    const own = tf.tidy(() => Object.values(w).map((each) => tf.keep(each.clone())));
    step(optimizer, w, 4);
    const uninterrupted = [valuesOf(w), await optimizer.hyperparameters()];
    const resumed = hyper(spec());
    resumed.restore(checkpoint);
    Object.values(w).forEach((each, i) => {
      each.assign(own[i] as tf.Tensor);
    });
    step(resumed, w, 4);
    expect([valuesOf(w), await resumed.hyperparameters()]).toEqual(uninterrupted);
    const other = hyper(spec("b"));
    refuses(() => other.restore(checkpoint), "checkpoint: it was made by another optimizer", "[flat] ?", "[b] ?");
    for (const each of [optimizer, resumed, other]) each.dispose();
    tf.dispose(own);
  });

  test("getConfig shows the groups", () => {
    const optimizer = hyper(spec(/b$/));
    expect(optimizer.getConfig()).toMatchObject({
      spec: { groups: ["/b$/"], matching: { rule: "averaged" }, otherwise: { rule: "descent" } },
    });
    optimizer.dispose();
  });

  test.each([
    ["c", '"c"'],
    [/^c/, "/^c/"],
    [
      function tall({ shape }: VariableInfo) {
        return shape.length > 4;
      },
      "the function tall",
    ],
  ] as const)("a pattern that matches no variable is an error that names it: %s", (pattern, shown) => {
    const w = variables(shapes);
    const before = valuesOf(w);
    const optimizer = hyper(
      groups(
        [
          ["a", descent()],
          [pattern, descent()],
        ],
        descent(),
      ),
    );
    refuses(
      () => step(optimizer, w, 1),
      `groups: ${shown} matches no variable; there are a, b. Correct the pattern or remove it.`,
    );
    expect(valuesOf(w)).toEqual(before);
    optimizer.dispose();
    refuses(
      () => float64(groups([[pattern, descent()]], descent()), parameters),
      `groups: ${shown} matches no variable`,
    );
  });
});

test("what is no list of pairs, and what is no optimizer, is refused with its place", () => {
  refuses(() => groups({ a: descent() } as never, descent()), "groups: expected a list of pairs");
  refuses(() => groups(["a", descent()] as never, descent()), "groups: expected a list of pairs");
  refuses(
    () =>
      groups(
        [
          ["a", descent()],
          ["b", descent as never],
        ],
        descent(),
      ),
    "groups: group 2: expected an optimizer such as",
    "call it",
  );
  refuses(() => groups([["a", descent()]], undefined as never), "groups: otherwise: expected an optimizer such as");
});
