/** Networks in TensorFlow.js, on whichever backend is active, written as a user would write them. */
import * as tf from "@tensorflow/tfjs";
import { type NetworkName, networks } from "./catalogue.js";
import { examplesOf, type Layer, weightsOf } from "./layers.js";

/** A network with its data, ready to be trained. */
export interface Network {
  readonly variables: tf.Variable[];
  readonly loss: () => tf.Scalar;
  readonly dispose: () => void;
}

/** Takes the next weight. */
type Take = <T extends tf.Tensor>() => T;

function dense(x: tf.Tensor, take: Take, activation?: "relu"): tf.Tensor {
  const [w, bias] = [take<tf.Tensor2D>(), take<tf.Tensor1D>()];
  const rows = x.rank === 2 ? (x as tf.Tensor2D) : tf.reshape(x, [-1, w.shape[0]]);
  const product = tf.fused.matMul({ a: rows as tf.Tensor2D, b: w, bias, ...(activation && { activation }) });
  return x.rank === 2 ? product : tf.reshape(product, [...x.shape.slice(0, -1), w.shape[1]]);
}

function attention(x: tf.Tensor, take: Take, heads: number): tf.Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number];
  const split = tf.reshape(dense(x, take), [batch, tokens, 3, heads, width / heads]);
  const [q, k, v] = tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4])) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(width / heads));
  const heard = tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3]);
  return dense(tf.reshape(heard, [batch, tokens, width]), take);
}

function batchNorm(x: tf.Tensor4D, take: Take): tf.Tensor {
  const [gamma, beta] = [take<tf.Tensor1D>(), take<tf.Tensor1D>()];
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm4d(x, mean as tf.Tensor1D, variance as tf.Tensor1D, beta, gamma, 1e-3);
}

function layerNorm(x: tf.Tensor, take: Take): tf.Tensor {
  const [gamma, beta] = [take(), take()];
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), gamma), beta);
}

function gelu(x: tf.Tensor): tf.Tensor {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}

function tokens(x: tf.Tensor, take: Take): tf.Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const first = tf.tile(take<tf.Tensor3D>(), [batch, 1, 1]);
  return tf.add(tf.concat([first, tf.reshape(x, [batch, height * width, channels])], 1), take());
}

function apply(x: tf.Tensor, layer: Layer, take: Take): tf.Tensor {
  const picture = x as tf.Tensor4D;
  switch (layer.op) {
    case "dense":
      return dense(x, take, layer.activation);
    case "conv": {
      const { stride = 1, bias, activation } = layer;
      const filter = take<tf.Tensor4D>();
      if (bias === false) return tf.conv2d(picture, filter, stride, "same");
      const more = { bias: take<tf.Tensor1D>(), ...(activation && { activation }) };
      return tf.fused.conv2d({ x: picture, filter, strides: stride, pad: "same", ...more });
    }
    case "depthwise":
      return tf.depthwiseConv2d(picture, take<tf.Tensor4D>(), layer.stride ?? 1, "same");
    case "batchNorm":
      return batchNorm(picture, take);
    case "layerNorm":
      return layerNorm(x, take);
    case "maxPool":
      return tf.maxPool(picture, 2, 2, "same");
    case "mean":
      return tf.mean(x, [1, 2]);
    case "relu":
      return tf.relu(x);
    case "relu6":
      return tf.relu6(x);
    case "gelu":
      return gelu(x);
    case "flatten":
      return tf.reshape(x, [x.shape[0] as number, -1]);
    case "tokens":
      return tokens(x, take);
    case "first":
      return tf.squeeze(tf.slice(x, [0, 0, 0], [-1, 1, -1]), [1]);
    case "attention":
      return attention(x, take, layer.heads);
    case "residual":
      return tf.add(
        x,
        layer.layers.reduce((y, each) => apply(y, each, take), x),
      );
  }
}

/** The network of this name, with its first weights. */
export function build(name: NetworkName): Network {
  const description = networks[name];
  const { layers, input, batch, classes } = description;
  const variables = weightsOf(description).map(({ shape, values }) =>
    tf.tidy(() => tf.variable(tf.tensor(values, [...shape]))),
  );
  const examples = examplesOf(description);
  const x = tf.tensor(examples.x, [batch, ...input]);
  const y = tf.tidy(() => tf.oneHot(tf.tensor1d(examples.labels, "int32"), classes).toFloat());
  return {
    variables,
    loss() {
      let taken = 0;
      const take = (<T extends tf.Tensor>() => variables[taken++] as unknown as T) as Take;
      const logits = layers.reduce((value: tf.Tensor, layer) => apply(value, layer, take), x);
      return tf.losses.softmaxCrossEntropy(y, logits);
    },
    dispose: () => tf.dispose([variables, x, y]),
  };
}

/** Forward and backward; returns the loss. */
export function gradientsOf({ variables, loss }: Network): number {
  const { value, grads } = tf.variableGrads(loss, variables);
  const number = value.dataSync()[0] as number;
  tf.dispose([value, grads]);
  return number;
}

/** The forward pass alone; returns the loss. */
export function inference({ loss }: Network): number {
  const value = tf.tidy(loss);
  const number = value.dataSync()[0] as number;
  value.dispose();
  return number;
}

/** A whole training step; returns the loss before it. */
export function trainingStep({ variables, loss }: Network, optimizer: tf.Optimizer): number {
  const value = optimizer.minimize(loss, true, variables) as tf.Scalar;
  const number = value.dataSync()[0] as number;
  value.dispose();
  return number;
}
