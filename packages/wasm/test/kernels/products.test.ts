/** Matrix products against float64, of either kind of multiply-add, and their bits. */
import { setPrecise } from "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../../core/test/check.js";

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
});
afterEach(() => setPrecise(true));

interface Sizes {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly ta: boolean;
  readonly tb: boolean;
  readonly seed: number;
}

/** Below, at and above the sizes of tiles and blocks. */
const size = fc.oneof(fc.integer({ min: 1, max: 24 }), fc.constantFrom(155, 161, 257, 401, 410));
const sizes: fc.Arbitrary<Sizes> = fc
  .record({ m: size, k: size, n: size, ta: fc.boolean(), tb: fc.boolean(), seed: fc.nat(1000) })
  .filter(({ m, k, n }) => m * k * n < 4e6);

const uniform = (rows: number, columns: number, turned: boolean, seed: number): tf.Tensor2D =>
  tf.randomUniform(turned ? [columns, rows] : [rows, columns], -1, 1, "float32", seed) as tf.Tensor2D;

/** How far the product is from float64's at most, in units of what rounding every sum and product once may do. */
function worst({ m, k, n, ta, tb }: Sizes, a: Float32Array, b: Float32Array, c: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      let sizes = Number.MIN_VALUE;
      for (let x = 0; x < k; x++) {
        const product = a[ta ? x * m + i : i * k + x]! * b[tb ? j * k + x : x * n + j]!;
        sum += product;
        sizes += Math.abs(product);
      }
      largest = Math.max(largest, Math.abs(c[i * n + j]! - sum) / (sizes * (k + 1) * 2 ** -24));
    }
  }
  return largest;
}

const read = (x: tf.Tensor): Float32Array => x.dataSync<"float32">();

describe.each([true, false])("precise: %s:", (on) => {
  test("products of any size, in all four transpositions, are as near to float64's as their roundings allow", () => {
    check(sizes, 150, (given) => {
      setPrecise(on);
      const { m, k, n, ta, tb, seed } = given;
      tf.tidy(() => {
        const a = uniform(m, k, ta, seed);
        const b = uniform(k, n, tb, seed + 1);
        expect(worst(given, read(a), read(b), read(tf.matMul(a, b, ta, tb)))).toBeLessThan(1);
      });
    });
  });

  test("a row has the same bits whatever rows it is computed with", () => {
    check(fc.tuple(sizes, fc.nat(), fc.nat()), 60, ([{ m, k, n, tb, seed }, one, other]) => {
      setPrecise(on);
      const [first, count] = [one % m, 1 + (other % (m - (one % m)))];
      tf.tidy(() => {
        const a = uniform(m, k, false, seed);
        const b = uniform(k, n, tb, seed + 1);
        const all = read(tf.matMul(a, b, false, tb).slice([first, 0], [count, n]));
        expect(read(tf.matMul(a.slice([first, 0], [count, k]), b, false, tb))).toEqual(all);
      });
    });
  });
});
