/** Losses, normalizations and recurrent cells: what training applies many operations at once to. */
import * as tf from "@tensorflow/tfjs";
import { type Case, float, int, op } from "../sweep.js";

export const losses: readonly Case[] = [
  op("softmax", [float([4, 6])], (x) => tf.softmax(x)),
  op("softmax of a volume", [float([2, 3, 6])], (x) => tf.softmax(x)),
  op("logSoftmax", [float([4, 6])], (x) => tf.logSoftmax(x)),
  op("softmaxCrossEntropy", [float([4, 6], 0, 1), float([4, 6])], (y, x) => tf.losses.softmaxCrossEntropy(y, x), [1]),
  op("sigmoidCrossEntropy", [float([4, 6], 0, 1), float([4, 6])], (y, x) => tf.losses.sigmoidCrossEntropy(y, x), [1]),
  op("meanSquaredError", [float([4, 6]), float([4, 6])], (y, x) => tf.losses.meanSquaredError(y, x)),
  op("absoluteDifference", [float([4, 6]), float([4, 6])], (y, x) => tf.losses.absoluteDifference(y, x)),
  op("huberLoss", [float([4, 6]), float([4, 6])], (y, x) => tf.losses.huberLoss(y, x)),
  op("hingeLoss", [float([4, 6]), float([4, 6])], (y, x) => tf.losses.hingeLoss(y, x)),
  op("logLoss", [float([4, 6], 0, 1), float([4, 6], 0.1, 0.9)], (y, x) => tf.losses.logLoss(y, x)),
  op("cosineDistance", [float([4, 6]), float([4, 6])], (y, x) => tf.losses.cosineDistance(y, x, 1)),
  ...([[4], [4, 5, 4]] as number[][]).map((shape) =>
    op(
      `batchNorm with statistics of rank ${shape.length}`,
      [
        float(shape.length === 1 ? [6, 4] : [2, 4, 5, 4].slice(4 - 3)),
        float([4]),
        float([4], 0.5, 2),
        float([4]),
        float([4]),
      ],
      (x, mean, variance, offset, scale) =>
        tf.batchNorm(x, mean as never, variance as never, offset as never, scale as never, 1e-3),
    ),
  ),
  op(
    "batchNorm of images",
    [float([2, 3, 3, 4]), float([4]), float([4], 0.5, 2), float([4]), float([4])],
    (x, m, v, o, s) => tf.batchNorm(x, m as never, v as never, o as never, s as never),
  ),
  op("moments", [float([3, 4, 5])], (x) => tf.moments(x, [0, 2]).variance),
  op("norm", [float([3, 4])], (x) => tf.norm(x, "euclidean", 1)),
  op("an embedding used twice", [float([9, 5]), int([4], 0, 9)], (w, i) =>
    tf.add(tf.gather(w, i as never), tf.gather(w, i as never).square()),
  ),
  op(
    "basicLSTMCell",
    [float([8, 16]), float([16]), float([3, 4]), float([3, 4]), float([3, 4])],
    (w, b, x, c, h) => tf.basicLSTMCell(tf.scalar(1), w as never, b as never, x as never, c as never, h as never)[1],
  ),
];
