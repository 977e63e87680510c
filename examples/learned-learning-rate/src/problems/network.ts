/**
 * A classifier of dense layers: tanh between them, softmax at the end, cross-entropy as the loss. With no hidden layer it is multinomial
 * logistic regression.
 */
import type { Random } from "@hypergrad/example-kit";
import { type Arrays, named, type Parameter, type Problem } from "./problem.js";

/** Labelled points. */
export interface Points {
  /** Row-major, one point a row. */
  readonly inputs: Float32Array;
  readonly labels: Uint8Array;
}

const weight = (layer: number) => `layer${layer}/weights`;
const bias = (layer: number) => `layer${layer}/bias`;

/** Weights as Glorot & Bengio (2010) draw them, from the normal distribution; biases at zero. */
function initial(sizes: readonly number[], random: Random): Record<string, Parameter> {
  const parameters: Record<string, Parameter> = {};
  for (let layer = 1; layer < sizes.length; layer++) {
    const [from, to] = [sizes[layer - 1] as number, sizes[layer] as number];
    const deviation = Math.sqrt(2 / (from + to));
    parameters[weight(layer)] = {
      shape: [from, to],
      values: Float32Array.from({ length: from * to }, () => random.normal(0, deviation)),
    };
    parameters[bias(layer)] = { shape: [to], values: new Float32Array(to) };
  }
  return parameters;
}

/** y ← x·w + b. */
function forward(x: Float64Array, w: Float32Array, b: Float32Array, y: Float64Array): void {
  const to = y.length;
  for (let j = 0; j < to; j++) y[j] = b[j]!;
  for (let i = 0, at = 0; i < x.length; i++, at += to) {
    const xi = x[i]!;
    for (let j = 0; j < to; j++) y[j]! += xi * w[at + j]!;
  }
}

/** Turns scores into probabilities; returns the cross-entropy with the label. */
function softmax(scores: Float64Array, label: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const score of scores) top = Math.max(top, score);
  const own = scores[label]! - top;
  let total = 0;
  for (let j = 0; j < scores.length; j++) total += scores[j] = Math.exp(scores[j]! - top);
  for (let j = 0; j < scores.length; j++) scores[j]! /= total;
  return Math.log(total) - own;
}

/** A layer's parameters, and where the sums of their gradients are collected: over a batch in float64, though the optimizer gets float32. */
interface Layer {
  readonly w: Float32Array;
  readonly b: Float32Array;
  readonly dw: Float64Array;
  readonly db: Float64Array;
}

/** dw ← dw + x·δᵀ, db ← db + δ, and, where there is a layer below, its δ ← (w·δ)(1 − x²), since x came out of a tanh. */
function backward(x: Float64Array, delta: Float64Array, below: Float64Array | undefined, { w, dw, db }: Layer): void {
  const to = delta.length;
  for (let j = 0; j < to; j++) db[j]! += delta[j]!;
  for (let i = 0, at = 0; i < x.length; i++, at += to) {
    const xi = x[i]!;
    for (let j = 0; j < to; j++) dw[at + j]! += xi * delta[j]!;
    if (!below) continue;
    let back = 0;
    for (let j = 0; j < to; j++) back += w[at + j]! * delta[j]!;
    below[i] = back * (1 - xi * xi);
  }
}

/** The layers one after the other: scores at the end, tanh before. */
function forwards(activations: readonly Float64Array[], layers: readonly Layer[]): void {
  layers.forEach(({ w, b }, l) => {
    const y = activations[l + 1]!;
    forward(activations[l]!, w, b, y);
    if (l + 1 < layers.length) for (let j = 0; j < y.length; j++) y[j] = Math.tanh(y[j]!);
  });
}

/** The layers back to the first, from the derivatives by the scores. */
function backwards(
  activations: readonly Float64Array[],
  deltas: readonly Float64Array[],
  layers: readonly Layer[],
): void {
  for (let l = layers.length - 1; l >= 0; l--) {
    backward(activations[l]!, deltas[l + 1]!, l > 0 ? deltas[l] : undefined, layers[l]!);
  }
}

/**
 * The problem of fitting a network to points.
 *
 * @param sizes Of the layers, the inputs first, the classes last.
 */
export function network(
  { inputs, labels }: Points,
  sizes: readonly number[],
  { batch, random }: { batch: number; random: Random },
): Problem {
  const last = sizes.length - 1;
  const activations = sizes.map((size) => new Float64Array(size));
  const deltas = sizes.map((size) => new Float64Array(size));
  const parameters = initial(sizes, random);
  const sums = Object.fromEntries(
    Object.entries(parameters).map(([name, { values }]) => [name, new Float64Array(values.length)]),
  );
  const layersAt = (at: Arrays): Layer[] =>
    sizes.slice(1).map((_, i) => ({
      w: named(at, weight(i + 1)),
      b: named(at, bias(i + 1)),
      dw: named(sums, weight(i + 1)),
      db: named(sums, bias(i + 1)),
    }));

  return {
    parameters,
    rows: labels.length,
    batch,
    loss(at, rows, gradients) {
      const layers = layersAt(at);
      const [width, first, scores, top] = [sizes[0]!, activations[0]!, activations[last]!, deltas[last]!];
      let total = 0;
      for (const sum of Object.values(sums)) sum.fill(0);
      for (let k = 0; k < rows.length; k++) {
        const row = rows[k]!;
        for (let i = 0; i < width; i++) first[i] = inputs[row * width + i]!;
        forwards(activations, layers);
        total += softmax(scores, labels[row]!);
        if (!gradients) continue;
        top.set(scores);
        top[labels[row]!]! -= 1;
        backwards(activations, deltas, layers);
      }
      for (const [name, gradient] of Object.entries(gradients ?? {})) {
        const sum = named(sums, name);
        for (let i = 0; i < sum.length; i++) gradient[i] = sum[i]! / rows.length;
      }
      return total / rows.length;
    },
  };
}
