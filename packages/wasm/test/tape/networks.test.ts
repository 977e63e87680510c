/** The backward pass on networks that nobody thought of: its gradients have the bits of TensorFlow.js's, and it leaves no tensor behind. */
import "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { check } from "../../../core/test/check.js";
import { asStock } from "./heap-peak.js";

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
});

type Op = (a: tf.Tensor2D, b: tf.Tensor2D) => tf.Tensor;

/** TensorFlow.js frees a tensor that two gradients share with the first of them: it is given clones. */
let cloning = false;
const shared = (tensor: tf.Tensor): tf.Tensor => (cloning ? tf.clone(tensor) : tensor);

const custom = (dx: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[]): Op =>
  tf.customGrad((a, b, save) => {
    (save as tf.GradSaveFunc)([a as tf.Tensor, b as tf.Tensor]);
    return { value: tf.add(a as tf.Tensor, b as tf.Tensor), gradFunc: dx };
  }) as Op;

/** Functions of two matrices of one shape that give a third. They save inputs, outputs, shapes and nothing, and have one gradient or two, which may be their own dy. */
const ops: Readonly<Record<string, Op>> = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: (a, b) => tf.div(a, tf.add(tf.square(b), 1)),
  mod: (a, b) => tf.mod(a, tf.add(tf.square(b), 1)),
  maximum: tf.maximum,
  sin: tf.sin,
  tanh: tf.tanh,
  relu: tf.relu6,
  softmax: (a) => tf.softmax(a),
  product: (a, b) => tf.matMul(a, tf.matMul(b, a, true)),
  reshape: (a) => tf.reshape(tf.reshape(a, [-1]), a.shape),
  transpose: (a) => tf.transpose(tf.transpose(a)),
  clone: (a) => tf.clone(a),
  "mean and variance": (a) => {
    const { mean, variance } = tf.moments(a, 0);
    const ones: tf.Tensor1D = tf.ones([3]);
    return tf.batchNorm2d(a, mean as tf.Tensor1D, variance as tf.Tensor1D, ones, ones, 0.1);
  },
  sum: (a, b) => tf.add(tf.sum(a, 1, true), b),
  concat: (a, b) => tf.slice(tf.concat([a, b], 1), [0, 1], a.shape),
  split: (a, b) => tf.mul(tf.split(tf.concat([a, b], 1), 2, 1)[1]!, b),
  stack: (a, b) => tf.unstack(tf.stack([a, b, a]), 0)[2]!,
  pad: (a) => tf.slice(tf.pad(a, [[1, 1], [0, 2]]), [0, 1], a.shape), // biome-ignore format: one line for each
  gather: (a) => tf.gather(a, [2, 0, 2]),
  "customGrad, its dy": custom((dy) => [shared(dy), shared(dy)]),
  "customGrad, what it saved": custom((_, saved) => saved.map(shared)),
  "customGrad, new": custom((dy, [a, b]) => [tf.mul(dy, b!), tf.sub(dy, a!)]),
};

/** Whose clones would be one more operation to go back through, so that sums have another order. */
const unlike = ["customGrad, its dy", "customGrad, what it saved"];

/** Those whose gradients tfjs can differentiate. */
const smooth = Object.keys(ops).filter((name) => ![...unlike, "maximum", "relu", "gather"].includes(name));

/** A network of some layers: each takes two of the tensors before it. */
type Layer = readonly [op: string, a: number, b: number];
const networks = (most: number, names = Object.keys(ops)): fc.Arbitrary<Layer[]> =>
  fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(), fc.nat()), { minLength: 1, maxLength: most });

const run = (layers: readonly Layer[], xs: readonly tf.Tensor[]): tf.Tensor => {
  const all = [...xs] as tf.Tensor2D[];
  // Rather the last tensors than the first.
  const pick = (n: number) => all[all.length - 1 - (n % Math.min(4, all.length))]!;
  for (const [op, a, b] of layers) all.push(ops[op]!(pick(a), pick(b)) as tf.Tensor2D);
  return all.at(-1)!;
};

const values = (f: () => tf.Tensor[]): number[][] => tf.tidy(() => f().map((tensor) => [...tensor.dataSync()]));

const inputs = (): tf.Tensor[] =>
  [1, 2].map((seed) =>
    tf.tensor(
      Array.from({ length: 9 }, (_, i) => Math.sin(seed * (i + 1))),
      [3, 3],
    ),
  );

function expectSame(gradients: (xs: tf.Tensor[]) => tf.Tensor[]): void {
  const before = tf.memory().numTensors;
  const xs = inputs();
  const ours = values(() => gradients(xs));
  expect(tf.memory().numTensors).toBe(before + xs.length);
  cloning = true;
  expect(ours).toEqual(asStock(() => values(() => gradients(xs))));
  cloning = false;
  tf.dispose(xs);
}

test("gradients of any network are those of TensorFlow.js, bit by bit", () => {
  check(networks(20), 300, (layers) => {
    // Whatever the last layer uses, the loss depends on both.
    const loss = (a: tf.Tensor, b: tf.Tensor) => tf.addN([run(layers, [a, b]), a, b]);
    expectSame((xs) => tf.grads(loss)(xs));
  });
});

test("so are gradients of gradients", () => {
  check(networks(5, smooth), 150, (layers) => {
    const loss = (a: tf.Tensor, b: tf.Tensor) => tf.addN([run(layers, [a, b]), tf.mul(a, tf.square(b))]);
    const slope = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.addN(tf.grads(loss)([a, b])));
    expectSame((xs) => tf.grads(slope)(xs));
  });
});
