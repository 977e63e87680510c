/** Functions of four numbers at once, against float64. */
import { expect, test } from "vitest";
import { moduleOf } from "../../src/heap/assemble.js";
import { exp4 } from "../../src/kernels/math-text.js";

/** The exponential of numbers, in float32. */
function exponentials(numbers: readonly number[]): Float32Array {
  const memory = new WebAssembly.Memory({ initial: 16 });
  const text = `(module (import "env" "memory" (memory 1))
    (func $run (export "run") (param $to i32) (local $v v128) (local $k v128) (local $p v128)
      (local.set $v (v128.load (local.get $to))) ${exp4("v", "k", "p")} (v128.store (local.get $to) (local.get $v))))`;
  const { run } = new WebAssembly.Instance(moduleOf(text), { env: { memory } }).exports as { run(at: number): void };
  const values = new Float32Array(memory.buffer, 0, numbers.length);
  values.set(numbers);
  for (let i = 0; i < numbers.length; i += 4) run(4 * i);
  return values.slice();
}

test("the exponential is right to 1 ulp wherever float32 has one, and gradually below", () => {
  const numbers = Array.from({ length: 200_000 }, (_, i) => Math.fround(-104 + (i * 192.7) / 200_000));
  const ulp = (x: number) => 2 ** (Math.max(Math.floor(Math.log2(x)), -126) - 23);
  const worst = exponentials(numbers).reduce((most, value, i) => {
    const exact = Math.exp(numbers[i]!);
    return Math.max(most, Math.abs(value - exact) / ulp(exact));
  }, 0);
  expect(worst).toBeLessThan(1.01);
});

test("the exponential of what is beyond float32, of infinities and of NaN", () => {
  const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: least } = Number;
  expect([...exponentials([0, -0, inf, least, nan, 88.73, 1e30, -1e30])]).toEqual([1, 1, inf, 0, nan, inf, inf, 0]);
  expect(exponentials([88.72, 0, 0, 0])[0]).toBeGreaterThan(3.3e38);
});
