/** Operations that move values, and operations along an axis. */
import * as tf from "@tensorflow/tfjs";
import { bool, type Case, float, int, op, valueOnly } from "../sweep.js";

const permutations = (n: number): number[][] =>
  n === 0
    ? [[]]
    : permutations(n - 1).flatMap((p) => Array.from({ length: n }, (_, i) => [...p.slice(0, i), n - 1, ...p.slice(i)]));

const transposes = [
  ...permutations(3).map((perm) => [[5, 6, 7], perm]),
  ...permutations(3).map((perm) => [[2, 1, 33], perm]),
  ...permutations(4).map((perm) => [[2, 3, 5, 8], perm]),
  ...[
    [64, 70],
    [1, 9],
    [9, 1],
    [33, 32],
    [3, 130],
  ].map((shape) => [shape, [1, 0]]),
  [
    [2, 3, 1, 4, 5],
    [0, 3, 2, 1, 4],
  ],
  [
    [2, 3, 2, 4, 5],
    [4, 2, 3, 1, 0],
  ],
  [
    [2, 1, 2, 3, 2, 2],
    [5, 0, 4, 2, 1, 3],
  ],
  [
    [0, 3],
    [1, 0],
  ],
] as [number[], number[]][];

const reductions = ["sum", "mean", "max", "min", "prod", "logSumExp"].flatMap((name) =>
  ([[undefined], [0], [1], [2], [[0, 2]], [[1, 2]]] as [number | number[] | undefined][]).flatMap(([axis]) =>
    [false, true].map((keepDims) =>
      op(`${name} over ${axis}${keepDims ? ", keeping dimensions" : ""}`, [float([3, 4, 5], 0.5, 2)], (x: tf.Tensor) =>
        (tf as never as Record<string, (x: tf.Tensor, a: unknown, k: boolean) => tf.Tensor>)[name]!(x, axis, keepDims),
      ),
    ),
  ),
);

export const shapes: readonly Case[] = [
  ...transposes.map(([shape, perm]) =>
    op(`transpose [${shape}] by ${perm}`, [float(shape)], (x) => tf.transpose(x, perm), shape[0] !== 0),
  ),
  valueOnly("transpose of int32", [int([5, 9])], (x) => tf.transpose(x)),
  valueOnly("transpose of bool", [bool([5, 9])], (x) => tf.transpose(x)),
  ...reductions,
  ...["sum", "max", "min", "prod"].map((name) =>
    valueOnly(`${name} of int32`, [int([3, 4], 1, 5)], (x) =>
      (tf as never as Record<string, (x: tf.Tensor, a: number) => tf.Tensor>)[name]!(x, 1),
    ),
  ),
  valueOnly("mean of int32", [int([3, 4])], (x) => tf.mean(x, 0)),
  valueOnly("sum of bool", [bool([3, 4])], (x) => tf.sum(x, 0)),
  valueOnly("any", [bool([3, 4])], (x) => tf.any(x, 0)),
  valueOnly("all", [bool([3, 4])], (x) => tf.all(x, 1)),
  ...[0, 1, 2].flatMap((axis) => [
    op(`argMax ${axis}`, [float([3, 4, 5])], (x) => tf.argMax(x, axis)),
    op(`argMin ${axis}`, [float([3, 4, 5])], (x) => tf.argMin(x, axis)),
    op(`cumsum ${axis}`, [float([3, 4, 5])], (x) => tf.cumsum(x, axis), axis === 2),
    op(`cumsum ${axis}, exclusive, reversed`, [float([3, 4, 5])], (x) => tf.cumsum(x, axis, true, true), axis === 2),
    valueOnly(`cumprod ${axis}`, [float([3, 4, 5])], (x) => tf.cumprod(x, axis)),
    op(`reverse ${axis}`, [float([3, 4, 5])], (x) => tf.reverse(x, axis)),
    op(`concat ${axis}`, [float([3, 4, 5]), float([3, 4, 5])], (a, b) => tf.concat([a, b], axis)),
    op(`stack ${axis}`, [float([3, 4]), float([3, 4])], (a, b) => tf.stack([a, b], axis)),
    op(`unstack ${axis}`, [float([2, 2, 2])], (x) => tf.unstack(x, axis)[1]!),
    op(`split ${axis}`, [float([4, 4, 4])], (x) => tf.split(x, 2, axis)[1]!),
    op(`split ${axis}, unequal`, [float([4, 4, 4])], (x) => tf.split(x, [1, 3], axis)[1]!),
    op(`softmax-like over ${axis}`, [float([3, 4, 5])], (x) => tf.exp(x).div(tf.exp(x).sum(axis, true))),
    op(`gather ${axis}`, [float([4, 5, 6]), int([7], 0, 4)], (x, i) => tf.gather(x, i as never, axis)),
    op(
      `gather ${axis} of a matrix of indices`,
      [float([4, 5, 6]), int([2, 3], 0, 4)],
      (x, i) => tf.gather(x, i as never, axis),
      axis === 0,
    ),
  ]),
  op("cumsum of a vector", [float([7])], (x) => tf.cumsum(x)),
  op("concat of unequal parts", [float([3, 2]), float([3, 5])], (a, b) => tf.concat([a, b], 1)),
  op("concat with an empty part", [float([3, 2]), float([3, 0])], (a, b) => tf.concat([a, b], 1), false),
  op("slice", [float([4, 5, 6])], (x) => tf.slice(x, [1, 0, 2], [2, 5, 3])),
  op("slice of a vector", [float([9])], (x) => tf.slice(x, 3, 4)),
  op("slice, empty", [float([4, 5])], (x) => tf.slice(x, [1, 0], [0, 5]), false),
  valueOnly("stridedSlice", [float([4, 6])], (x) => tf.stridedSlice(x, [0, 1], [4, 6], [2, 2])),
  op("pad", [float([3, 4])], (x) =>
    tf.pad(
      x,
      [
        [1, 2],
        [0, 3],
      ],
      0.5,
    ),
  ),
  op("pad of an image", [float([2, 3, 4, 2])], (x) =>
    tf.pad(x, [
      [0, 0],
      [1, 1],
      [2, 0],
      [0, 0],
    ]),
  ),
  op("pad of a vector", [float([3])], (x) => tf.pad(x, [[1, 2]])),
  op("mirrorPad, reflected", [float([4, 5])], (x) =>
    tf.mirrorPad(
      x,
      [
        [1, 2],
        [0, 3],
      ],
      "reflect",
    ),
  ),
  op("mirrorPad, symmetric", [float([4, 5])], (x) =>
    tf.mirrorPad(
      x,
      [
        [1, 2],
        [0, 3],
      ],
      "symmetric",
    ),
  ),
  op("tile", [float([2, 3])], (x) => tf.tile(x, [2, 3])),
  op("tile of a vector", [float([3])], (x) => tf.tile(x, [4])),
  op("tile of an image", [float([2, 3, 2])], (x) => tf.tile(x, [1, 2, 3])),
  op("broadcastTo", [float([1, 3])], (x) => tf.broadcastTo(x, [4, 3])),
  op("expandDims", [float([3, 4])], (x) => tf.expandDims(x, 1)),
  op("squeeze", [float([3, 1, 4])], (x) => tf.squeeze(x)),
  op("reshape", [float([3, 4])], (x) => tf.reshape(x, [2, 6])),
  op("batchToSpaceND", [float([8, 3, 3, 2])], (x) =>
    tf.batchToSpaceND(
      x,
      [2, 2],
      [
        [0, 1],
        [1, 0],
      ],
    ),
  ),
  op("spaceToBatchND", [float([2, 4, 6, 2])], (x) =>
    tf.spaceToBatchND(
      x,
      [2, 2],
      [
        [1, 1],
        [0, 2],
      ],
    ),
  ),
  valueOnly("depthToSpace", [float([2, 3, 3, 8])], (x) => tf.depthToSpace(x as never, 2)),
  op("gather of each", [float([4, 5, 6]), int([4, 3], 0, 5)], (x, i) => tf.gather(x, i as never, 1, 1)),
  valueOnly("gather of each, inside", [float([2, 3, 5, 6]), int([2, 4], 0, 5)], (x, i) =>
    tf.gather(x, i as never, 2, 1),
  ),
  valueOnly("gatherND", [float([4, 5]), int([3, 2], 0, 4)], (x, i) => tf.gatherND(x, i)),
  valueOnly("scatterND", [int([3, 1], 0, 5), float([3, 4])], (i, x) => tf.scatterND(i, x, [5, 4])),
  valueOnly("stridedSlice of int32", [int([6, 7], -(2 ** 30), 2 ** 30)], (x) =>
    tf.stridedSlice(x, [0, 1], [6, 7], [2, 3]),
  ),
  valueOnly("stridedSlice of booleans", [bool([6, 7])], (x) => tf.stridedSlice(x, [0, 1], [6, 7], [2, 3])),
  valueOnly("maxPool3d of int32", [int([1, 4, 4, 4, 2])], (x) => tf.maxPool3d(x as tf.Tensor5D, 2, 1, "same")),
  valueOnly("resizeNearestNeighbor of int32", [int([1, 4, 5, 2])], (x) =>
    tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [7, 7]),
  ),
  ...[tf.abs, tf.neg, tf.square, tf.asinh].map((of) =>
    valueOnly(`${of.name} of booleans`, [bool([7])], (x) => (of as (x: tf.Tensor) => tf.Tensor)(x)),
  ),
  valueOnly("atan2 of booleans", [bool([7]), bool([7])], (x, y) => tf.atan2(x, y)),
  valueOnly("oneHot of booleans", [int([6], 0, 4)], (i) => tf.oneHot(i as never, 4, 1, 0, "bool")),
  valueOnly("reverse of booleans", [bool([3, 5])], (x) => tf.reverse(x, 1)),
  valueOnly("where between booleans", [bool([3, 5]), bool([3, 5]), bool([5])], (c, x, y) => tf.where(c as never, x, y)),
  valueOnly("cumsum of booleans", [bool([3, 5])], (x) => tf.cumsum(x, 1)),
  valueOnly("logicalAnd of masks", [bool([3, 5, 1]), bool([3, 1, 4])], (x, y) => tf.logicalAnd(x, y)),
  valueOnly("pad of booleans", [bool([3, 5])], (x) =>
    tf.pad(
      x as tf.Tensor2D,
      [
        [1, 2],
        [0, 3],
      ],
      1,
    ),
  ),
  op("oneHot", [int([6], 0, 4)], (i) => tf.oneHot(i as never, 4), false),
  valueOnly("topk", [float([3, 7])], (x) => tf.topk(x, 3).values),
  // Longer than one block of rows, and than a block of blocks.
  ...[255, 256, 257, 700, 66_000].map((rows) => op(`sum over ${rows} rows`, [float([rows, 3])], (x) => tf.sum(x, 0))),
  op("unsortedSegmentSum", [float([7, 5]), int([7], 0, 4)], (x, i) => tf.unsortedSegmentSum(x, i as never, 4)),
  op(
    "unsortedSegmentSum with ids that are left out",
    [float([7, 5]), int([7], -2, 6)],
    (x, i) => tf.unsortedSegmentSum(x, i as never, 4),
    false,
  ),
  op("unsortedSegmentSum of a vector", [float([9]), int([9], 0, 4)], (x, i) => tf.unsortedSegmentSum(x, i as never, 4)),
  valueOnly("unsortedSegmentSum of int32", [int([7, 5]), int([7], 0, 4)], (x, i) =>
    // The cpu backend's sums of integers are floats; those of the others are integers, as here.
    tf.unsortedSegmentSum(x, i as never, 4).toFloat(),
  ),
  valueOnly("unsortedSegmentSum of nothing", [float([0, 5]), int([0])], (x, i) =>
    tf.unsortedSegmentSum(x, i as never, 4),
  ),
];
