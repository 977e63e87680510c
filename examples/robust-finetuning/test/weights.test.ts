import { expect, it } from "vitest";
import { decodeWeights, encodeWeights } from "../src/weights.js";

it("keeps numbers that 16 bits can hold, exactly, and rounds others to the nearest", () => {
  const values = Float32Array.of(
    0,
    1,
    -2.5,
    0.333251953125,
    65504,
    2 ** -14,
    2 ** -24,
    3 * 2 ** -24,
    1 + 2 ** -10,
    0.1,
  );
  const { a } = decodeWeights(encodeWeights({ a: { shape: [2, 5], values } }));
  expect(a!.shape).toEqual([2, 5]);
  expect([...a!.values.slice(0, 9)]).toEqual([...values.slice(0, 9)]);
  expect(Math.abs(a!.values[9]! - 0.1)).toBeLessThan(2 ** -15);
});
