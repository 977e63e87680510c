/** Kernels that move values: any shape, any axes, and every type that lies on the heap, against the cpu backend. */
import "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, test } from "vitest";
import { check } from "../../../core/test/check.js";
import { bool, expectAgreement, float, type Input, int, op } from "./sweep.js";

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
});

/** Sizes of which some are more than a vector, or than a block of a transposed matrix; at most one is large, some are empty. */
const shapes: fc.Arbitrary<number[]> = fc
  .record({
    sizes: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 6 }),
    large: fc.array(fc.record({ at: fc.nat(5), size: fc.constantFrom(0, 1, 5, 16, 17, 33, 40) }), { maxLength: 2 }),
  })
  .map(({ sizes, large }) => {
    const shape = [...sizes];
    for (const { at, size } of large) if (at < shape.length) shape[at] = size;
    return shape;
  });

/** A tensor of any type that is moved: words, and bytes. */
const typed: fc.Arbitrary<(shape: readonly number[]) => Input> = fc.constantFrom(
  (shape: readonly number[]) => float(shape),
  (shape: readonly number[]) => int(shape),
  bool,
);

/** The gradient is compared too, of float32 that is not empty. */
function expectMoved(name: string, input: Input, run: (x: tf.Tensor) => tf.Tensor): void {
  const differentiable = input.dtype === "float32" && !input.shape.includes(0);
  expectAgreement(op(`${name} of ${input.dtype} [${input.shape}]`, [input], run, differentiable));
}

describe("as on the cpu backend, whatever the shape and type:", () => {
  test("transpose", () => {
    const drawn = fc.record({ shape: shapes, make: typed }).chain(({ shape, make }) =>
      fc.record({
        input: fc.constant(make(shape)),
        perm: fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }),
      }),
    );
    check(drawn, 300, ({ input, perm }) => {
      expectMoved(`transpose by [${perm}]`, input, (x) => tf.transpose(x, perm));
    });
  });

  test("tile", () => {
    const drawn = fc
      .record({ shape: shapes.filter(({ length }) => length > 0 && length < 5), make: typed })
      .chain(({ shape, make }) =>
        fc.record({
          input: fc.constant(make(shape)),
          reps: fc.tuple(...shape.map((size) => fc.integer({ min: 1, max: size === 1 ? 20 : 3 }))),
        }),
      );
    check(drawn, 200, ({ input, reps }) => expectMoved(`tile by [${reps}]`, input, (x) => tf.tile(x, reps)));
  });
});
