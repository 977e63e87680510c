/** The operations of MobileNet by TensorFlow.js, as its layers call them. */
import * as tf from "@tensorflow/tfjs";
import { EPSILON } from "./float64.js";
import type { Operations } from "./mobilenet.js";

export const tensors: Operations<tf.Tensor> = {
  conv: (x, filter, stride) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, "same"),
  depthwise: (x, filter, stride) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, "same"),
  norm: (x, scale, offset) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return tf.batchNorm(
      x,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      offset as tf.Tensor1D,
      scale as tf.Tensor1D,
      EPSILON,
    );
  },
  relu6: (x) => tf.relu6(x),
  add: (a, b) => tf.add(a, b),
  classify: (x, weights, bias) => tf.add(tf.matMul(tf.mean(x, [1, 2]) as tf.Tensor2D, weights as tf.Tensor2D), bias),
  loss: (logits, labels) => tf.losses.softmaxCrossEntropy(labels, logits),
};
