/**
 * The linear probe: multinomial logistic regression on frozen features. Nothing of the backbone moves, so its accuracy on other domains is what
 * the pre-trained features are worth there, and what fine-tuning stands to lose.
 *
 * The fit is full-batch Adam in float64 on standardised features. The problem is convex and small; a few hundred steps settle it.
 */

import { HEAD } from "./model.js";
import type { Weights } from "./weights.js";

const STEPS = 300;
const RATE = 0.05;

/**
 * Fits a head.
 *
 * @param features [pictures, width], one row after the other
 * @param labels a class for every picture
 * @param options.classes how many classes there are
 * @param options.l2 strength of the penalty (l2/2)·‖W‖² on the weights of the standardised features
 * @returns the head's kernel [width, classes] and bias [classes], for features as they are
 */
export function fitProbe(
  features: Float32Array,
  labels: Int32Array,
  { classes, l2 }: { classes: number; l2: number },
): Weights {
  const rows = labels.length;
  const width = features.length / rows;
  const { mean, deviation } = moments(features, width);
  const x = Float64Array.from(features, (value, i) => (value - mean[i % width]!) / deviation[i % width]!);

  const weight = logisticRegression(x, labels, classes, l2);

  // The standardisation goes into the weights: w·(x - mean)/deviation + b.
  const kernel = new Float32Array(width * classes);
  const bias = Float64Array.from(weight.subarray(width * classes));
  for (let j = 0; j < width; j++) {
    for (let c = 0; c < classes; c++) {
      const slope = weight[j * classes + c]! / deviation[j]!;
      kernel[j * classes + c] = slope;
      bias[c]! -= mean[j]! * slope;
    }
  }
  return {
    [HEAD.kernel]: { shape: [width, classes], values: kernel },
    [HEAD.bias]: { shape: [classes], values: Float32Array.from(bias) },
  };
}

/** Mean and standard deviation of every column; a constant column gets a tiny deviation instead of none. */
function moments(features: Float32Array, width: number): { mean: Float64Array; deviation: Float64Array } {
  const rows = features.length / width;
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  for (let i = 0; i < features.length; i++) mean[i % width]! += features[i]! / rows;
  for (let i = 0; i < features.length; i++) deviation[i % width]! += (features[i]! - mean[i % width]!) ** 2 / rows;
  return { mean, deviation: deviation.map((variance) => Math.sqrt(variance) + 1e-6) };
}

function softmaxInPlace(logits: Float64Array): void {
  const highest = logits.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (let c = 0; c < logits.length; c++) {
    logits[c] = Math.exp(logits[c]! - highest);
    sum += logits[c]!;
  }
  for (let c = 0; c < logits.length; c++) logits[c]! /= sum;
}

/**
 * Logistic regression by Adam, all rows at once.
 *
 * @param x standardised features, one row after the other
 * @returns one row of weights for each feature, and a last one for the bias
 */
function logisticRegression(x: Float64Array, labels: Int32Array, classes: number, l2: number): Float64Array {
  const width = x.length / labels.length;
  const size = (width + 1) * classes;
  const weight = new Float64Array(size);
  const first = new Float64Array(size);
  const second = new Float64Array(size);
  const gradient = new Float64Array(size);
  for (let step = 1; step <= STEPS; step++) {
    for (let i = 0; i < size; i++) gradient[i] = i < width * classes ? l2 * weight[i]! : 0;
    addGradient(gradient, weight, x, labels, classes);
    for (let i = 0; i < size; i++) {
      const g = gradient[i]!;
      first[i] = 0.9 * first[i]! + 0.1 * g;
      second[i] = 0.999 * second[i]! + 0.001 * g * g;
      const direction = first[i]! / (1 - 0.9 ** step) / (Math.sqrt(second[i]! / (1 - 0.999 ** step)) + 1e-8);
      weight[i]! -= RATE * direction;
    }
  }
  return weight;
}

/** Adds the gradient of the mean cross-entropy. */
function addGradient(
  gradient: Float64Array,
  weight: Float64Array,
  x: Float64Array,
  labels: Int32Array,
  classes: number,
): void {
  const rows = labels.length;
  const width = x.length / rows;
  const logits = new Float64Array(classes);
  for (let row = 0; row < rows; row++) {
    const at = row * width;
    for (let c = 0; c < classes; c++) logits[c] = weight[width * classes + c]!;
    for (let j = 0; j < width; j++) {
      const value = x[at + j]!;
      for (let c = 0; c < classes; c++) logits[c]! += value * weight[j * classes + c]!;
    }
    softmaxInPlace(logits);
    logits[labels[row]!]! -= 1;
    for (let c = 0; c < classes; c++) {
      const error = logits[c]! / rows;
      for (let j = 0; j < width; j++) gradient[j * classes + c]! += error * x[at + j]!;
      gradient[width * classes + c]! += error;
    }
  }
}
