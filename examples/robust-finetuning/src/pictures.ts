/** Pictures as tensors: batches to train on, and how well a model names a set of them. */
import type { Random } from "@hypergrad/example-kit";
import * as tf from "@tensorflow/tfjs";
import { type LabelledPictures, PICTURE_LENGTH, PICTURE_SIZE } from "./data.js";
import type { Model } from "./model.js";

/** Pictures that are evaluated at a time: few enough for the activations to stay in the cache. */
const CHUNK = 32;

/** Some of the pictures, as one tensor [indices, 32, 32, 3]. The caller disposes it. */
export function tensorOf({ images }: LabelledPictures, indices: ArrayLike<number>): tf.Tensor4D {
  const values = new Float32Array(indices.length * PICTURE_LENGTH);
  for (let i = 0; i < indices.length; i++) {
    const from = (indices[i] as number) * PICTURE_LENGTH;
    values.set(images.subarray(from, from + PICTURE_LENGTH), i * PICTURE_LENGTH);
  }
  return tf.tensor4d(values, [indices.length, PICTURE_SIZE, PICTURE_SIZE, 3]);
}

/** Endless batches of indices: every picture once in random order, then all again in another. */
export function* batches(count: number, size: number, random: Random): Generator<number[]> {
  let order: number[] = [];
  for (;;) {
    const batch: number[] = [];
    while (batch.length < size) {
      if (order.length === 0) order = random.shuffle(Array.from({ length: count }, (_, i) => i));
      batch.push(order.pop() as number);
    }
    yield batch;
  }
}

/** Applies f to all pictures, some at a time, and joins its rows. */
function mapPictures(pictures: LabelledPictures, f: (images: tf.Tensor4D) => tf.Tensor): Float32Array {
  const count = pictures.labels.length;
  const parts: ArrayLike<number>[] = [];
  for (let from = 0; from < count; from += CHUNK) {
    const indices = Array.from({ length: Math.min(CHUNK, count - from) }, (_, i) => from + i);
    parts.push(tf.tidy(() => f(tensorOf(pictures, indices)).dataSync()));
  }
  return Float32Array.from(parts.flatMap((part) => Array.from(part)));
}

/** The features of all pictures: one row after the other. */
export function featuresOf(model: Model, pictures: LabelledPictures): Float32Array {
  return mapPictures(pictures, (images) => model.features(images));
}

/** Share of the pictures that the model names correctly, in [0, 1]. */
export function accuracyOf(model: Model, pictures: LabelledPictures): number {
  const named = mapPictures(pictures, (images) => tf.argMax(model.forward(images), 1));
  return named.reduce((right, label, i) => right + Number(label === pictures.labels[i]), 0) / named.length;
}
