/**
 * A check that is cut short says what it left out, and takes nothing for granted that it has not seen.
 */
import "@tensorflow/tfjs-backend-cpu";
import fc from "fast-check";
import { expect, test } from "vitest";
import { nonNegative, rule } from "../../src/index.js";
import {
  checkAgainst,
  checkCheckpoint,
  checkExecutorsAgree,
  checkHypergradients,
  checkInvariants,
} from "../../src/testing/index.js";
import { checkEach } from "../../src/testing/run.js";
import { failureOf } from "./failures.js";
import { adam, adamReference, momentum, momentumReference } from "./rules.js";

/** Less than any case takes. */
const budget = 1e-9;
const cut = (of: number): string => `${of - 1} of ${of} cases: the budget of 1e-9 ms was spent.`;

test("every check tries one case at least, and says how many it did not", async () => {
  const it = momentum();
  expect(checkAgainst(it, momentumReference, { budget })).toMatchObject({ cases: 1, unchecked: [cut(60)] });
  expect(checkHypergradients(it, { budget })).toMatchObject({ cases: 1, unchecked: [cut(30)] });
  expect(await checkInvariants(it, { budget })).toMatchObject({ cases: 1, unchecked: [cut(40)] });
  expect(await checkCheckpoint(it, { budget })).toMatchObject({ cases: 1, unchecked: [cut(10)] });
  expect(await checkExecutorsAgree(it, { budget, runs: 7 })).toMatchObject({ cases: 1, unchecked: [cut(7)] });
});

test("with time enough nothing is left out", () => {
  expect(checkAgainst(momentum(), momentumReference, { budget: 1e9 })).toMatchObject({ cases: 60, unchecked: [] });
});

test("memory is watched in the first case", async () => {
  expect((await checkInvariants(momentum(), { budget })).invariants).toContain("memory");
});

test("what no single case shows is said to be open, and is no failure", async () => {
  const fixed = rule({
    name: "fixed",
    hyperparameters: { lr: nonNegative(0.1) },
    state: {},
    update: ({ p, g }) => ({ p: p.sub(g.mul(0.1)) }),
  });
  const { invariants, unchecked } = await checkInvariants(fixed, { budget, backends: [] });
  expect(invariants).not.toContain("effective");
  expect(unchecked).toEqual([
    cut(40),
    "memory: there is no backend on which to watch it.",
    expect.stringContaining("effective, in the cases that were tried: the hyperparameter lr changes nothing"),
  ]);
  expect(checkHypergradients(fixed, { budget }).unchecked).toEqual([cut(30)]);
});

test("a failure is thrown at once, and says that no simpler case was looked for", async () => {
  const { message } = await failureOf(() =>
    checkAgainst(adam({ denominator: (v) => v }), adamReference, { budget, seed: 3 }),
  );
  expect(message).toContain('"forms":');
  expect(message).toMatch(/reproduces\n {2}\(the budget was spent before a simpler case was found\)$/);
});

test("cases are the same with a budget and without, and come in the same order", () => {
  const drawn = (options: { budget?: number }): number[] => {
    const seen: number[] = [];
    const cases = () => fc.record({ x: fc.nat() });
    checkEach({ check: "check", of: "it", options, runs: 20, cases, simpler: () => [] }, ({ x }) => seen.push(x));
    return seen;
  };
  const all = drawn({});
  expect(new Set(all).size).toBeGreaterThan(10);
  expect(drawn({ budget: 1e9 })).toEqual(all);
  expect(drawn({ budget })).toEqual(all.slice(0, 1));
});

test("the first eight cases have gradients of all kinds", async () => {
  const kinds = new Set<string>();
  const size = rule({
    name: "size",
    hyperparameters: { lr: nonNegative(0.1) },
    state: {},
    update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
  });
  for (let turn = 0; turn < 8; turn++) {
    const wrong = (): unknown => checkAgainst(size, ({ p }) => p.fill(Number.NaN), { path: `${turn}` });
    const { message } = await failureOf(wrong);
    kinds.add(/"kind":"(\w+)"/.exec(message)?.[1] ?? message);
  }
  expect(kinds.size).toBe(8);
});
