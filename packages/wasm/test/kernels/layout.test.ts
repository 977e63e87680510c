/** Kernels that move values or reduce them: any shape, any axes, and every type that lies on the heap, against the cpu backend. */
import "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
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
    check(drawn, 200, ({ input, perm }) => {
      expectMoved(`transpose by [${perm}]`, input, (x) => tf.transpose(x, perm));
    });
  });

  test.each(Object.entries({ sum: tf.sum, mean: tf.mean, max: tf.max, min: tf.min, prod: tf.prod }))(
    "%s over any axes",
    (name, of) => {
      const drawn = shapes.chain((shape) =>
        fc.record({ shape: fc.constant(shape), axes: fc.subarray([...shape.keys()]), keep: fc.boolean() }),
      );
      check(drawn, 80, ({ shape, axes, keep }) => {
        // Of nothing, the cpu backend says 0 for the mean, and anything for a maximum.
        fc.pre(!shape.includes(0) || name === "sum" || name === "prod");
        const run = (x: tf.Tensor) => of(x, axes, keep);
        const low = name === "prod" ? 0.8 : -2;
        const gradients = !shape.includes(0) && name !== "prod";
        expectAgreement(op(`${name} of [${shape}] over [${axes}]`, [float(shape, low, 1.2)], run, gradients));
      });
    },
  );

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

/** A tensor with an axis at least, and one of its axes. */
const withAxis = fc
  .record({ shape: shapes.filter(({ length }) => length > 0), make: typed, at: fc.nat(5) })
  .map(({ shape, make, at }) => ({ input: make(shape), axis: at % shape.length }));

/** A range of each axis: where it begins, and how much of it there is. */
const ranges = shapes
  .filter(({ length }) => length > 0)
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      make: typed,
      parts: fc.tuple(...shape.map((size) => fc.tuple(fc.nat(size), fc.nat(size), fc.integer({ min: 1, max: 3 })))),
    }),
  )
  .map(({ shape, make, parts }) => ({
    input: make(shape),
    begin: parts.map(([a, b]) => Math.min(a, b)),
    end: parts.map(([a, b]) => Math.max(a, b)),
    steps: parts.map(([, , step]) => step),
    pads: parts.map(([a, b]): [number, number] => [a % 3, b % 3]),
  }));

describe("as on the cpu backend, whatever is cut or joined:", () => {
  test("slice, stridedSlice forwards and backwards, pad", () => {
    check(ranges, 120, ({ input, begin, end, steps, pads }) => {
      const { shape } = input;
      const size = end.map((last, axis) => last - begin[axis]!);
      const some = !size.includes(0) && !shape.includes(0);
      const slice = (x: tf.Tensor) => tf.slice(x, begin, size);
      expectAgreement(op(`slice [${shape}]`, [input], slice, some && input.dtype === "float32"));
      if (!some) return;
      const strided = (x: tf.Tensor) => tf.stridedSlice(x, begin, end, steps);
      expectAgreement(op(`stridedSlice [${shape}]`, [input], strided, false));
      const back = (x: tf.Tensor) =>
        tf.stridedSlice(
          x,
          end.map((last) => last - 1),
          begin.map((first, axis) => first - 1 - shape[axis]!),
          steps.map((step) => -step),
        );
      expectAgreement(op(`stridedSlice backwards [${shape}]`, [input], back, false));
      expectMoved("pad", input, (x) => tf.pad(x, pads, input.dtype === "bool" ? 1 : 3));
    });
  });

  test("concat, stack, unstack, split, reverse", () => {
    check(withAxis, 120, ({ input, axis }) => {
      const { shape, dtype } = input;
      const wider = { ...input, shape: shape.map((size, i) => (i === axis ? size + 3 : size)) };
      const differentiable = dtype === "float32" && !shape.includes(0);
      const two = (name: string, other: Input, run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor) =>
        expectAgreement(op(`${name} at ${axis} of ${dtype} [${shape}]`, [input, other], run, differentiable));
      two("concat", wider, (a, b) => tf.concat([a, b, a], axis));
      if (shape.length < 6) two("stack", input, (a, b) => tf.stack([a, b, b], axis));
      expectMoved(`reverse ${axis}`, input, (x) => tf.reverse(x, axis));
      const many = shape[axis]!;
      if (many === 0) return;
      // tfjs has no gradient of one part.
      expectAgreement(
        op(`unstack ${axis}`, [input], (x) => tf.unstack(x, axis)[many - 1]!, differentiable && many > 1),
      );
      const sizes = [many >> 1, many - (many >> 1)] as number[];
      expectMoved(`split ${axis}`, input, (x) => tf.split(x, sizes, axis)[1]!);
    });
  });

  test("gather, with batches and without", () => {
    const drawn = fc.record({
      ...{ batch: fc.integer({ min: 1, max: 3 }), outer: fc.integer({ min: 1, max: 3 }) },
      ...{ rows: fc.integer({ min: 1, max: 9 }), width: fc.constantFrom(1, 2, 4, 5, 17), n: fc.nat(6) },
      ...{ make: typed, batched: fc.boolean() },
    });
    check(drawn, 120, ({ batch, outer, rows, width, n, make, batched }) => {
      const input = make([batch, outer, rows, width]);
      const indices = int(batched ? [batch, n] : [n], 0, rows);
      const run = (x: tf.Tensor, i: tf.Tensor) => tf.gather(x, i, 2, batched ? 1 : 0);
      const differentiable = input.dtype === "float32" && !batched && n > 0;
      expectAgreement(op(`gather of ${input.dtype} [${input.shape}]`, [input, indices], run, differentiable));
    });
  });
});

describe("as on the cpu backend, whatever the rows:", () => {
  test("softmax", () => {
    const drawn = fc.record({
      outer: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
      width: fc.integer({ min: 1, max: 37 }),
      scale: fc.constantFrom(1, 30, 300),
    });
    check(drawn, 150, ({ outer, width, scale }) => {
      const input = float([...outer, width], -scale, scale);
      expectAgreement(op(`softmax [${input.shape}]`, [input], (x) => tf.softmax(x)));
    });
  });

  test("gradients of gradients", () => {
    const twice = (name: string, shape: number[], run: (x: tf.Tensor) => tf.Tensor) =>
      expectAgreement(
        op(`${name}, twice`, [float(shape)], (x) => tf.grad((inner: tf.Tensor) => run(inner).square().sum())(x)),
      );
    check(shapes, 40, (shape) => {
      fc.pre(shape.length > 0 && shape.length < 5 && !shape.includes(0));
      const axes = [...shape.keys()].filter((axis) => axis % 2 === 0);
      twice("softmax", shape, (x) => tf.softmax(x));
      twice("sum", shape, (x) => tf.sum(x, axes));
      twice("mean", shape, (x) => tf.mean(x.square(), axes, true));
      twice("tile", shape, (x) => tf.tile(x.square(), [2, 1, 3, 1].slice(0, shape.length)));
    });
  });
});

describe("long reductions", () => {
  test.each([
    ["rows", [2, 100_003], 1],
    ["columns", [100_003, 2], 0],
    ["wide rows, of which not all fit into the work area", [3, 33_000], 0],
    ["alternating axes", [100, 2, 300, 3], [0, 2]],
  ] as const)("are as accurate as float64 sums, rounded: %s", (_, shape, axis) => {
    const x: tf.Tensor = tf.randomUniform([...shape], 0, 1, "float32", 7);
    const exact = tf.tidy(() => {
      const reduced: readonly number[] = [axis].flat();
      const perm = [...shape.keys()].filter((i) => !reduced.includes(i));
      return tf.transpose(x, [...perm, ...reduced]).dataSync<"float32">();
    });
    const sums = tf.sum(x, axis as number).dataSync<"float32">();
    const each = exact.length / sums.length;
    sums.forEach((sum, i) => {
      const expected = exact.subarray(i * each, (i + 1) * each).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - expected) / expected).toBeLessThan(3e-7);
    });
    x.dispose();
  });

  test("keep NaN, and find an infinite maximum", () => {
    const x = tf.tensor2d([
      [1, Number.NaN, 3],
      [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ]);
    expect([...tf.max(x, 1).dataSync()]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY]);
    expect([...tf.min(x, 0).dataSync()]).toEqual([Number.NEGATIVE_INFINITY, Number.NaN, Number.NEGATIVE_INFINITY]);
  });
});
