/**
 * The measures that the property tests hold everything against are right themselves.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { derivative, noise, random } from "../../src/testing/index.js";
import { compareRounded } from "../../src/testing/rounding.js";
import { check } from "../check.js";

/** Smooth functions with their derivatives. */
const smooth: readonly (readonly [string, (x: number) => number, (x: number) => number])[] = [
  ["3x", (x) => 3 * x, () => 3],
  ["x³", (x) => x ** 3, (x) => 3 * x * x],
  ["sin x", Math.sin, Math.cos],
  ["eˣ", Math.exp, Math.exp],
  ["1/(2 + x)", (x) => 1 / (2 + x), (x) => -1 / (2 + x) ** 2],
  ["7", () => 7, () => 0],
];

const points = fc.integer({ min: -1000, max: 1000 }).map((k) => k / 1000);

describe("derivative", () => {
  test.each(smooth)("of %s is right, and says how exact it is", (_, f, df) => {
    check(points, 100, (x) => {
      const [estimate] = derivative((at) => [f(at)], x, 1);
      expect(Math.abs((estimate?.value as number) - df(x))).toBeLessThanOrEqual(10 * (estimate?.error as number));
      expect(estimate?.error).toBeLessThan(1e-6 * (1 + Math.abs(df(x))));
    });
  });

  test("is said not to exist at a kink or a jump, and is right beside it", () => {
    const [kink] = derivative((x) => [Math.abs(x)], 0, 1);
    expect(kink?.error).toBe(Number.POSITIVE_INFINITY);
    const [jump] = derivative((x) => [Math.sign(x)], 0, 1);
    expect(jump?.error).toBeGreaterThan(1);
    check(points, 1000, (x) => {
      const [estimate] = derivative((at) => [Math.abs(at)], x, 1);
      if (x !== 0)
        expect(Math.abs((estimate?.value as number) - Math.sign(x))).toBeLessThanOrEqual(
          20 * (estimate?.error as number),
        );
    });
  });
});

describe("compareRounded", () => {
  const expected = noise(10, random(1));
  const off = (by: number) => expected.map((x) => x * (1 + by));

  test("accepts what is off by rounding, and names what is off by more", () => {
    expect(compareRounded("x", off(2 ** -24), expected, [off(2 ** -23)])).toBe("sharp");
    expect(() => compareRounded("x", off(1e-5), expected, [off(2 ** -23)])).toThrow(/^x\[\d\] is /);
    expect(compareRounded("x", off(1e-5), expected, [off(1e-5)])).toBe("sharp");
    expect(compareRounded("x", off(1e-4), expected, [off(1e-4)])).toBe("loose");
    expect(compareRounded("x", off(1), expected, [off(1)])).toBe("chance");
    expect(compareRounded("x", off(1), expected, [off(Number.POSITIVE_INFINITY)])).toBe("overflow");
  });

  test("lets one number stand for all, and refuses what is not finite", () => {
    expect(compareRounded("x", [3], [3, 3, 3], [])).toBe("sharp");
    expect(compareRounded("x", [3], [], [])).toBe("sharp");
    expect(() => compareRounded("x", [Number.NaN], [3], [])).toThrow("x[0] is NaN");
    expect(() => compareRounded("x", [3], [Number.NaN], [])).toThrow("x[0] is NaN in float64");
  });
});
