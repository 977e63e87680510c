import { describe, expect, test } from "vitest";
import { spread } from "../src/charts/lines.ts";
import { logTicks } from "../src/charts/scales.ts";
import { thinned } from "../src/charts/thin.ts";

describe("labels at the ends of lines", () => {
  test("stay where they are if they do not touch", () => {
    expect(spread([10, 50, 90], 12, 100)).toEqual([10, 50, 90]);
  });

  test("move apart around their mean, in their order, if they do", () => {
    expect(spread([52, 50, 48], 12, 100)).toEqual([62, 50, 38]);
  });

  test("stay inside the chart, also where clumps meet at its edge", () => {
    const places = spread([0, 1, 2, 14, 99, 100], 12, 100).sort((a, b) => a - b);
    expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...places)).toBeLessThanOrEqual(100);
    for (const [index, place] of places.slice(1).entries())
      expect(place - (places[index] ?? 0)).toBeGreaterThanOrEqual(12 - 1e-9);
  });
});

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
