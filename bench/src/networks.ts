/**
 * The networks that are trained, on whichever backend is active: their weights and data are the same numbers everywhere, so that peers can be held against each other.
 */
import * as tf from "@tensorflow/tfjs";

/** Numbers without a generator: the same in every library. */
export const numbers = (size: number, seed: number, scale: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * scale);

export const BATCH = 128;
/** The layers of the MLP: 784-512-512-10. */
export const MLP: readonly (readonly number[])[] = [[784, 512], [512], [512, 512], [512], [512, 10], [10]];

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The initial values of the MLP's variables, its pictures and its one-hot labels. */
export const mlpWeights = (): Float32Array[] => MLP.map((shape, i) => numbers(sizeOf(shape), i, 0.05));
export const mlpImages = (): Float32Array => numbers(BATCH * 784, 9, 1);
export const mlpLabels = (): Float32Array =>
  Float32Array.from({ length: BATCH * 10 }, (_, i) => (i % 10 === Math.floor(i / 10) % 10 ? 1 : 0));

/** A network with its data, ready to be trained. */
export interface Network {
  readonly variables: tf.Variable[];
  readonly loss: () => tf.Scalar;
  readonly dispose: () => void;
}

const variablesOf = (shapes: readonly (readonly number[])[], values: readonly Float32Array[]): tf.Variable[] =>
  shapes.map((shape, i) => tf.tidy(() => tf.variable(tf.tensor(values[i] as Float32Array, [...shape]))));

/** MLP 784-512-512-10 with rectifiers, softmax cross-entropy, batch 128. */
export function mlp(): Network {
  const variables = variablesOf(MLP, mlpWeights());
  const [w1, b1, w2, b2, w3, b3] = variables as unknown as [
    tf.Tensor2D,
    tf.Tensor1D,
    tf.Tensor2D,
    tf.Tensor1D,
    tf.Tensor2D,
    tf.Tensor1D,
  ];
  const x = tf.tensor2d(mlpImages(), [BATCH, 784]);
  const y = tf.tensor2d(mlpLabels(), [BATCH, 10]);
  return {
    variables,
    loss() {
      const h1 = tf.fused.matMul({ a: x, b: w1, bias: b1, activation: "relu" });
      const h2 = tf.fused.matMul({ a: h1, b: w2, bias: b2, activation: "relu" });
      return tf.losses.softmaxCrossEntropy(y, tf.fused.matMul({ a: h2, b: w3, bias: b3 }));
    },
    dispose: () => tf.dispose([variables, x, y]),
  };
}

/** A convolutional network: two convolutions of 3 × 3 with rectifiers and pooling on 28 × 28 pictures, and a dense layer; batch 32. */
export function convNet(): Network {
  const shapes = [[3, 3, 1, 16], [16], [3, 3, 16, 32], [32], [7 * 7 * 32, 10], [10]];
  const variables = variablesOf(
    shapes,
    shapes.map((shape, i) => numbers(sizeOf(shape), i, 0.1)),
  );
  const [k1, b1, k2, b2, w, b] = variables as unknown as [
    tf.Tensor4D,
    tf.Tensor1D,
    tf.Tensor4D,
    tf.Tensor1D,
    tf.Tensor2D,
    tf.Tensor1D,
  ];
  const x = tf.tensor4d(numbers(32 * 28 * 28, 9, 1), [32, 28, 28, 1]);
  const y = tf.tensor2d(mlpLabels().slice(0, 320), [32, 10]);
  const layer = (input: tf.Tensor4D, filter: tf.Tensor4D, bias: tf.Tensor1D): tf.Tensor4D =>
    tf.maxPool(tf.fused.conv2d({ x: input, filter, bias, strides: 1, pad: "same", activation: "relu" }), 2, 2, "same");
  return {
    variables,
    loss: () =>
      tf.losses.softmaxCrossEntropy(
        y,
        tf.fused.matMul({ a: tf.reshape(layer(layer(x, k1, b1), k2, b2), [32, 7 * 7 * 32]), b: w, bias: b }),
      ),
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
