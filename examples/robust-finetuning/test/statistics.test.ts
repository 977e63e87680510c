import { describe, expect, test } from "vitest";
import { estimate, mean, standardDeviation, standardError } from "../src/statistics.ts";

describe("statistics over seeds", () => {
  test("the standard deviation is the sample's: squares are divided by n − 1", () => {
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12);
  });

  test("the standard error is the standard deviation over the square root of n", () => {
    expect(standardError([1, 2, 3, 4])).toBeCloseTo(Math.sqrt(5 / 3) / 2, 12);
  });

  test("one value has a mean but no standard error", () => {
    expect(estimate([0.7])).toEqual({ mean: 0.7, standardError: null });
  });

  test("no values have no mean", () => {
    expect(mean([])).toBeNaN();
    expect(standardError([])).toBeNull();
  });
});
