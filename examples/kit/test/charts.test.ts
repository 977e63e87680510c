import { describe, expect, test } from "vitest";
import { logTicks } from "../src/charts/scales.ts";
import { thinned } from "../src/charts/thin.ts";

describe("ticks of a logarithmic axis", () => {
  test("are 1, 2, 5 over few decades", () => {
    expect(logTicks([0.9, 12])).toEqual([1, 2, 5, 10]);
  });

  test("are powers of ten, not all of them, over many", () => {
    expect(logTicks([1e-12, 1])).toEqual([1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1]);
  });
});

test("a thinned series keeps its first and last entry", () => {
  expect(thinned(5, 10)).toEqual([0, 1, 2, 3, 4]);
  const kept = thinned(1001, 11);
  expect(kept).toHaveLength(11);
  expect([kept[0], kept.at(-1)]).toEqual([0, 1000]);
});
