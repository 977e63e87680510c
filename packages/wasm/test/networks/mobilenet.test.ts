/**
 * A whole MobileNetV2 with batch norm in training: its gradients against float64, and what a step holds.
 *
 * `HYPERGRAD_IMAGES=96,16 npx vitest run mobilenet` judges it on 16 images of 96×96, in a minute or two, and prints the worst variables.
 */
import "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { asStock, heapPeak } from "../tape/heap-peak.js";
import { gradients, judge } from "./errors.js";

const [size, batch] = (process.env.HYPERGRAD_IMAGES ?? "32,16").split(",").map(Number) as [number, number];

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
});

/** Rounding errs in proportion to the magnitudes of what is summed, and the network's 52 norms in a row magnify it: some hundred times where a batch has sixteen values of a channel. */
const TOLERANCE = 1e-3;

describe(`of ${batch} images of ${size}×${size}`, () => {
  test("the gradients of all 158 variables are those in float64, those of 17 offsets zero", {
    timeout: 600_000,
  }, () => {
    const before = tf.memory().numTensors;
    const { judged, farthest } = judge(size, batch);
    expect(tf.memory().numTensors).toBe(before);
    expect(judged).toHaveLength(158);
    const errors = judged.map(({ name, error, terms }) => ({ name, error: error / terms }));
    errors.sort((a, b) => b.error - a.error);
    if (process.env.HYPERGRAD_IMAGES) console.log("farthest from a bend:", farthest, "worst:", errors.slice(0, 8));
    expect(errors.filter(({ error }) => !(error < TOLERANCE))).toEqual([]);
    expect(farthest).toBeLessThan(TOLERANCE);
    const zeros = judged.filter(({ zero }) => zero);
    expect(zeros).toHaveLength(17);
    for (const { gradient, error, terms } of zeros) {
      expect(gradient).toBeLessThan(1e-12 * terms);
      expect(error).toBeLessThan(1e-5 * terms);
    }
  });
});

test("beside variables and gradients, a step holds 350 numbers for each number of the images, and with TensorFlow.js's backward pass more", () => {
  const peak = () => (heapPeak(() => gradients(32, 8)) - 2 * 4 * 2_236_682) / (4 * 8 * 32 * 32 * 3);
  expect(peak()).toBeLessThan(350);
  expect(asStock(peak)).toBeGreaterThan(1.2 * peak());
});
