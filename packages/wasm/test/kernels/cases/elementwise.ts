/** Operations on each value by itself, and on pairs of values with broadcasting. */
import * as tf from "@tensorflow/tfjs";
import { bool, type Case, float, type Input, int, op, valueOnly } from "../sweep.js";

/** Functions of one float32 value, with the interval on which they are tried where that is not (-2, 2). */
const unary: Record<string, [number, number] | []> = {
  ...{
    abs: [],
    acos: [-0.9, 0.9],
    acosh: [1.1, 3],
    asin: [-0.9, 0.9],
    asinh: [],
    atan: [],
    atanh: [-0.9, 0.9],
    ceil: [],
  },
  ...{
    cos: [],
    cosh: [],
    elu: [],
    erf: [],
    exp: [],
    expm1: [],
    floor: [],
    log: [0.1, 3],
    log1p: [-0.5, 3],
    logSigmoid: [],
  },
  ...{
    neg: [],
    reciprocal: [0.3, 2],
    relu: [],
    relu6: [-2, 8],
    round: [],
    rsqrt: [0.1, 3],
    selu: [],
    sigmoid: [],
    sign: [],
  },
  ...{ sin: [], sinh: [], softplus: [], sqrt: [0.1, 3], square: [], step: [], tan: [-1, 1], tanh: [], leakyRelu: [] },
  ...{ isFinite: [], isInf: [], isNaN: [] },
};

const shapes = [[1], [5], [3, 7], [2, 3, 4, 5], [0, 3]];

type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;
const named = <F>(name: string): F => (tf as unknown as Record<string, F>)[name]!;

const unaries = Object.entries(unary).flatMap(([name, range]) =>
  shapes.map((shape) =>
    op(`${name} [${shape}]`, [float(shape, ...range)], (x) => named<Unary>(name)(x), shape[0] !== 0),
  ),
);

/** tfjs-core refuses the others. */
const ofInt32 = ["abs", "neg", "square", "sign", "relu", "step", "exp", "round", "relu6", "softplus", "log1p", "selu"];
const onIntegers = [...ofInt32, "reciprocal", "erf", "leakyRelu", "isFinite", "isNaN", "atan", "asinh"].map((name) =>
  valueOnly(`${name} of int32`, [int([3, 5], 0, 9)], (x) => named<Unary>(name)(x)),
);

const pairs: [number[], number[]][] = [
  [[4], [4]],
  [[2, 3], []],
  [[2, 3], [3]],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [
    [1, 3],
    [2, 3],
  ],
  [[2, 3, 4, 5], [5]],
  [
    [2, 3, 4, 5],
    [2, 3, 1, 1],
  ],
  [[0, 3], [3]],
];

const arithmetic: [string, Input["low"], number][] = [
  ...(["add", "sub", "mul", "maximum", "minimum", "squaredDifference", "atan2"] as const).map(
    (n): [string, number, number] => [n, -2, 2],
  ),
  ...(["div", "pow", "mod", "divNoNan", "floorDiv"] as const).map((n): [string, number, number] => [n, 0.5, 2]),
];

/** tfjs has no gradient for some, and forgets to sum that of others over the dimensions that were broadcast. */
const differentiable = (name: string, a: number[], b: number[]): boolean =>
  name !== "divNoNan" &&
  a[0] !== 0 &&
  (!["maximum", "minimum", "squaredDifference"].includes(name) || tf.util.arraysEqual(a, b));

const binaries = arithmetic.flatMap(([name, low, high]) =>
  pairs.map(([a, b]) =>
    op(
      `${name} [${a}] [${b}]`,
      [float(a, low, high), float(b, low, high)],
      (x, y) => named<Binary>(name)(x, y),
      differentiable(name, a, b),
    ),
  ),
);

const ofIntegers = [
  "add",
  "sub",
  "mul",
  "maximum",
  "minimum",
  "squaredDifference",
  "floorDiv",
  "mod",
  "div",
  "pow",
].flatMap((name) =>
  [int([3, 4], 1, 6), int([3, 4], -6, -1)].map((a) =>
    valueOnly(`${name} of int32 from ${a.low}`, [a, int([4], 1, 5)], (x, y) => named<Binary>(name)(x, y)),
  ),
);

const comparisons = ["equal", "notEqual", "greater", "greaterEqual", "less", "lessEqual"].flatMap((name) => [
  valueOnly(`${name} of float32`, [float([3, 4]), float([4])], (x, y) => named<Binary>(name)(x, y)),
  valueOnly(`${name} of int32`, [int([3, 4], 0, 3), int([4], 0, 3)], (x, y) => named<Binary>(name)(x, y)),
]);

const logical = ["logicalAnd", "logicalOr", "logicalXor"].map((name) =>
  valueOnly(name, [bool([3, 4]), bool([4])], (x, y) => named<Binary>(name)(x, y)),
);

export const elementwise: readonly Case[] = [
  ...unaries,
  ...onIntegers,
  ...binaries,
  ...ofIntegers,
  ...comparisons,
  ...logical,
  valueOnly("logicalNot", [bool([3, 4])], (x) => tf.logicalNot(x)),
  op("mixed int32 and float32", [int([3, 4]), float([4])], (a, b) => tf.mul(a, b)),
  op("clipByValue", [float([3, 5])], (x) => tf.clipByValue(x, -1, 0.5)),
  op("prelu", [float([2, 3, 4]), float([4])], (x, alpha) => tf.prelu(x, alpha)),
  op("prelu of a whole image", [float([2, 3, 4]), float([3, 4])], (x, alpha) => tf.prelu(x, alpha)),
  op("where", [bool([3, 4]), float([3, 4]), float([3, 4])], (c, a, b) => tf.where(c as never, a, b), [1, 2]),
  op("addN", [float([3, 4]), float([3, 4]), float([3, 4])], (...all) => tf.addN(all)),
  op("cast to int32", [float([3, 4])], (x) => x.toInt()),
  op("cast to bool and back", [float([3, 4])], (x) => x.toBool().toFloat(), false),
  op("dropout's mask", [float([4, 5])], (x) => tf.dropout(x, 0.5, undefined, 3)),
  op("greaterEqual, whose gradient is zero", [float([3, 4]), float([4])], (x, y) => tf.greaterEqual(x, y)),
  op("zerosLike", [float([3])], (x) => tf.zerosLike(x)),
  op("onesLike", [float([3])], (x) => tf.onesLike(x)),
  op("identity", [float([3])], (x) => tf.clone(x)),
];
