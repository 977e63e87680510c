/** Matrix products and what is built of them. */
import * as tf from "@tensorflow/tfjs";
import { type Case, float, op, valueOnly } from "../sweep.js";

const sizes: [number, number, number][] = [
  ...([
    [1, 1, 1],
    [1, 7, 1],
    [2, 3, 4],
    [5, 7, 9],
    [17, 16, 15],
    [16, 5, 33],
    [20, 400, 18],
    [130, 3, 260],
    [40, 770, 8],
    [1, 50, 20],
  ] as const),
] as [number, number, number][];

const both = [false, true];

const flip = (flag: boolean, [a, b]: [number, number]): [number, number] => (flag ? [b, a] : [a, b]);

const products = sizes.flatMap(([m, k, n]) =>
  both.flatMap((ta) =>
    both.map((tb) =>
      op(
        `matMul [${m}, ${k}]·[${k}, ${n}]${ta ? " aᵀ" : ""}${tb ? " bᵀ" : ""}`,
        [float(flip(ta, [m, k])), float(flip(tb, [k, n]))],
        (a, b) => tf.matMul(a, b, ta, tb),
      ),
    ),
  ),
);

const batches: [number[], number[]][] = [
  [[1], [1]],
  [[3], [3]],
  [
    [2, 3],
    [2, 3],
  ],
];

const batched = batches.flatMap(([x, y]) =>
  both.flatMap((ta) =>
    both.map((tb) =>
      op(
        `matMul in batches [${x}] [${y}]${ta ? " aᵀ" : ""}${tb ? " bᵀ" : ""}`,
        [float([...x, ...flip(ta, [5, 6])]), float([...y, ...flip(tb, [6, 7])])],
        (a, b) => tf.matMul(a, b, ta, tb),
      ),
    ),
  ),
);

const activations = ["linear", "relu", "relu6", "sigmoid", "elu", "leakyrelu", "prelu"] as const;

const fused = activations.flatMap((activation) =>
  both.flatMap((ta) =>
    both.flatMap((tb) =>
      [3, 20].map((m) =>
        op(
          `fused.matMul of ${m} rows, ${activation}${ta ? ", aᵀ" : ""}${tb ? ", bᵀ" : ""}`,
          [float(flip(ta, [m, 6])), float(flip(tb, [6, 7])), float([7]), float([1, 7])],
          (a, b, bias, alpha) =>
            tf.fused.matMul({
              ...{ a, b, bias, transposeA: ta, transposeB: tb, activation, leakyreluAlpha: 0.3 },
              ...(activation === "prelu" && { preluActivationWeights: alpha }),
            }),
          activation === "prelu" ? [0, 1, 2, 3] : [0, 1, 2],
        ),
      ),
    ),
  ),
);

const equations: [string, number[], number[]?][] = [
  ["ij,jk->ik", [3, 4], [4, 5]],
  ["ij,kj->ik", [3, 4], [5, 4]],
  ["bij,bjk->bik", [2, 3, 4], [2, 4, 5]],
  ["bhid,bhjd->bhij", [2, 3, 4, 5], [2, 3, 6, 5]],
  ["aecd,abcd->acbe", [2, 3, 4, 5], [2, 6, 4, 5]],
  ["abc,cde->abde", [2, 3, 4], [4, 5, 2]],
  ["i,j->ij", [3], [4]],
  ["i,i->", [5], [5]],
  ["ij->ji", [3, 4]],
  ["ij->j", [3, 4]],
  ["ij->", [3, 4]],
  ["ij,ij->ij", [3, 4], [3, 4]],
];

export const matrixProducts: readonly Case[] = [
  ...products,
  ...batched,
  ...fused,
  valueOnly("matMul broadcast over a batch", [float([3, 5, 6]), float([1, 6, 7])], (a, b) => tf.matMul(a, b)),
  valueOnly("matMul broadcast the other way", [float([1, 5, 6]), float([3, 7, 6])], (a, b) =>
    tf.matMul(a, b, false, true),
  ),
  valueOnly("matMul of no rows", [float([0, 6]), float([6, 7])], (a, b) => tf.matMul(a, b)),
  valueOnly("matMul over nothing", [float([3, 0]), float([0, 7])], (a, b) => tf.matMul(a, b)),
  op("dot of vectors", [float([6]), float([6])], (a, b) => tf.dot(a, b)),
  op("dot of a matrix and a vector", [float([3, 6]), float([6])], (a, b) => tf.dot(a, b)),
  op("outerProduct", [float([4]), float([5])], (a, b) => tf.outerProduct(a as never, b as never)),
  ...equations.map(([equation, a, b]) =>
    valueOnly(`einsum ${equation}`, b ? [float(a), float(b)] : [float(a)], (...tensors) =>
      tf.einsum(equation, ...tensors),
    ),
  ),
];
