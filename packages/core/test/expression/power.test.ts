import { describe, expect, test } from "vitest";
import { power } from "../../src/expression/power.js";

describe("power", () => {
  test("is exact where the result is", () => {
    expect([power(3, 4), power(-2, 3), power(-2, 4), power(2, -3), power(1.5, 2)]).toEqual([81, -8, 16, 0.125, 2.25]);
    expect([power(0.9, 1), power(7, 0), power(0, 0), power(0, 5), power(0, -1)]).toEqual([0.9, 1, 1, 0, Infinity]);
  });

  test("is Math.pow but for rounding", () => {
    for (const base of [0.9, 0.999, 0.9999, 1.7, 12.5]) {
      for (const exponent of [1, 2, 3, 17, 100, -4, 0.25, -0.5, 0.8, 2.5]) {
        expect(power(base, exponent) / base ** exponent).toBeCloseTo(1, 13);
      }
    }
    expect(power(0.999, 10_000) / 0.999 ** 10_000).toBeCloseTo(1, 11);
  });

  test("has no value for a broken power of a negative number, and none for NaN", () => {
    expect([power(-2, 0.5), power(Number.NaN, 2), power(2, Number.NaN)]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect([power(0, 0.5), power(0, -0.5)]).toEqual([0, Infinity]);
  });
});
