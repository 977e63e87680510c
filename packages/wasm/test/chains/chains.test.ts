/** Programs of elementwise operations, whatever is done with their tensors meanwhile: the same bits as on the cpu backend, and nothing is left. */
import { hyper, rule } from "@hypergrad/core";
import "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { check } from "../../../core/test/check.js";
import { least } from "../../src/chains/kernels.js";
import { writtenPastTheEnd } from "../kernels/fences.js";

const { size } = least;

beforeEach(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
  least.size = 1;
});

afterEach(() => {
  least.size = size;
});

const SHAPE = [3, 2, 5, 7];
/** Shapes that reach all elements of a result: as it is, per channel, per row, per picture, a number, and what has to be repeated first. */
const SHAPES = [SHAPE, [7], [3, 2, 5, 1], [3, 1, 1, 1], [1], [5, 7], [2, 1, 7], [1, 2, 1, 1]];

type Operation = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

/** All of them round once, so that the cpu backend, in float64, has the same bits. */
const operations: readonly Operation[] = [
  (a, b) => a.add(b),
  (a, b) => a.sub(b),
  (a, b) => a.mul(b),
  (a, b) => a.div(b),
  (a, b) => a.maximum(b),
  (a, b) => a.minimum(b),
  (a) => a.neg(),
  (a) => a.abs(),
  (a) => a.square(),
  (a) => a.abs().sqrt(),
  (a) => a.relu(),
  (a) => a.relu6(),
  (a) => a.step(0.5),
  (a) => a.clipByValue(-0.5, 0.75),
  (a, b) => a.greater(b).cast("float32"),
  (a, b) => tf.where(a.lessEqual(b).logicalNot(), a.mul(tf.onesLike(b)), b.add(tf.zerosLike(a))),
  (a, b) => a.equal(b).logicalOr(a.notEqual(0)).toFloat().mul(a),
  (a, b) => tf.addN([a.add(b), b.mul(a), a.add(b)]),
  (a) => a.reshape([-1]).neg().reshape(a.shape),
  (a) => a.clone(),
  (a) =>
    tf
      .tile(
        a,
        a.shape.map((extent) => (extent === 1 ? 2 : 1)),
      )
      .max(),
  // Kernels that need what is computed.
  (a) => a.reverse(),
  (a) => a.step(0.5).sum(a.rank > 0 ? [a.rank - 1] : [], true),
];

/** What is done: an operation on two tensors of those that are there, a tensor that is given up, a variable that is assigned. */
interface Step {
  readonly do: "operation" | "dispose" | "assign" | "read";
  readonly operation: number;
  readonly a: number;
  readonly b: number;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    do: fc.constantFrom(
      ...(["operation", "operation", "operation", "operation", "dispose", "assign", "read"] as const),
    ),
    operation: fc.nat(operations.length - 1),
    a: fc.nat(1000),
    b: fc.nat(1000),
  }),
  { minLength: 5, maxLength: 45 },
);

const values = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, i) => Math.fround(Math.sin(i * 12.9898 + seed * 78.233) * 3));

/** Two results: of the same shape, or one that is spread over the other. */
const fits = (a: tf.Tensor, b: tf.Tensor): boolean => {
  try {
    tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    return true;
  } catch {
    return false;
  }
};

/** Runs the steps on a backend; everything that was read, in order. */
function run(backend: string, program: readonly Step[]): number[][] {
  tf.setBackend(backend);
  const read: number[][] = [];
  const variable = tf.tidy(() => tf.variable(tf.tensor(values(7, 99), [7])));
  const live: tf.Tensor[] = SHAPES.map((shape, i) => tf.tensor(values(tf.util.sizeFromShape(shape), i), shape));
  for (const { do: what, operation, a, b } of program) {
    const [first, second] = [live[a % live.length] as tf.Tensor, live[b % live.length] as tf.Tensor];
    if (what === "dispose" && live.length > 2) live.splice(a % live.length, 1)[0]?.dispose();
    else if (what === "assign") tf.tidy(() => variable.assign(tf.tensor(values(7, b), [7])));
    else if (what === "read") read.push([...first.dataSync()]);
    else if (what === "operation") {
      const other = b % 5 === 0 ? variable : second;
      if (fits(first, other)) live.push(tf.tidy(() => (operations[operation] as Operation)(first, other)));
    }
  }
  for (const tensor of live) read.push([...tensor.dataSync()]);
  tf.dispose([live, variable]);
  return read;
}

describe("chains", () => {
  test("give the bits of the cpu backend in any program, and leave nothing behind", () => {
    check(steps, 300, (program) => {
      const expected = run("cpu", program);
      tf.setBackend("wasm");
      const before = [tf.backend().numDataIds(), tf.memory().numDataBuffers, tf.memory().numTensors];
      let actual: number[][] = [];
      const past = writtenPastTheEnd(() => {
        actual = run("wasm", program);
      });
      expect(past, "bytes written past the end of tensors").toBe(0);
      expect(actual.length).toBe(expected.length);
      actual.forEach((list, i) => {
        expect(list.map((value) => value + 0)).toEqual((expected[i] as number[]).map((value) => value + 0));
      });
      expect([tf.backend().numDataIds(), tf.memory().numDataBuffers, tf.memory().numTensors]).toEqual(before);
    });
  });

  test("are computed in one pass, without room for what lies between, and not at all where nobody asks", () => {
    const x = tf.tensor(values(210, 1), SHAPE);
    const { wasm } = tf.backend() as unknown as { wasm: { _malloc(bytes: number): number } };
    const { _malloc: allocate } = wasm;
    let allocated: number[] = [];
    wasm._malloc = (bytes) => {
      allocated.push(bytes);
      return allocate(bytes);
    };
    try {
      const y = tf.tidy(() => x.mul(x).add(x).relu().sub(x.abs()));
      tf.tidy(() => x.sqrt().div(x));
      expect(allocated).toEqual([]);
      y.dataSync();
      // The guard's own question whether there is room for more is not among them.
      expect(allocated).toEqual([4 * 210]);
      allocated = [];
      y.dataSync();
      expect(allocated).toEqual([]);
      y.dispose();
    } finally {
      wasm._malloc = allocate;
      x.dispose();
    }
  });

  test("hold what they are computed of against an optimizer that steps in place", () => {
    const x = tf.tidy(() => tf.variable(tf.tensor(values(2000, 1), [2000])));
    const given = [...x.dataSync()];
    const doubled = x.add(x);
    const half = rule({
      name: "half",
      hyperparameters: {},
      state: {},
      update: ({ p, g }) => ({ p: p.sub(g.mul(0.5)) }),
    });
    const optimizer = hyper(half());
    optimizer.minimize(() => x.sum() as tf.Scalar, false, [x]);
    expect([...doubled.dataSync()]).toEqual(given.map((value) => Math.fround(2 * value)));
    expect([...x.dataSync()]).toEqual(given.map((value) => Math.fround(value - 0.5)));
    optimizer.dispose();
    tf.dispose([x, doubled]);
  });

  test("go to another backend with what they are, and so does what they are computed of", async () => {
    const x = tf.tensor(values(210, 1), SHAPE);
    const y = x.mul(x);
    const z = y.add(x);
    const expected = values(210, 1).map((value) => Math.fround(Math.fround(value * value) + value));
    await tf.setBackend("cpu");
    expect([...x.neg().neg().dataSync()]).toEqual(values(210, 1));
    expect([...z.neg().neg().dataSync()]).toEqual(expected);
    await tf.setBackend("wasm");
    expect([...(await y.add(x).data())]).toEqual(expected);
    tf.dispose([x, y, z]);
  });

  test("have gradients of gradients", () => {
    const of = (backend: string): number[] => {
      tf.setBackend(backend);
      return tf.tidy(() => {
        const f = (x: tf.Tensor) => x.square().mul(x.sub(2).relu()).div(x.abs().add(1));
        return [
          ...tf
            .grad((x) => tf.grad(f)(x).square())(tf.tensor(values(210, 1), SHAPE))
            .dataSync(),
        ];
      });
    };
    const expected = of("cpu");
    const actual = of("wasm");
    for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i] as number, 3);
  });

  test("where the heap is full are refused when they are asked for, and computed when there is room again", () => {
    const x = tf.tensor(values(2 ** 20, 1));
    const before = [tf.backend().numDataIds(), tf.memory().numDataBuffers];
    const y = tf.tidy(() => x.mul(x).relu());
    const { wasm } = tf.backend() as unknown as { wasm: { _malloc(bytes: number): number } };
    const { _malloc: allocate } = wasm;
    wasm._malloc = (bytes) => {
      if (bytes >= 2 ** 22) throw new Error("full");
      return allocate(bytes);
    };
    for (let i = 0; i < 3; i++) expect(() => y.dataSync()).toThrow("full");
    expect(() => y.reverse()).toThrow("full");
    wasm._malloc = allocate;
    expect(y.dataSync()[5]).toBe(Math.max(0, Math.fround((values(6, 1)[5] as number) ** 2)));
    y.dispose();
    expect([tf.backend().numDataIds(), tf.memory().numDataBuffers]).toEqual(before);
    x.dispose();
  });
});
