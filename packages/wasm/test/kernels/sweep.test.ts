import "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { elementwise } from "./cases/elementwise.js";
import { images } from "./cases/images.js";
import { losses } from "./cases/losses.js";
import { matrixProducts } from "./cases/products.js";
import { shapes } from "./cases/shapes.js";
import { expectAgreement } from "./sweep.js";

/** The kernels whose gradient functions ran. */
const differentiated = new Set<string>();

/** All kernels' names: tfjs exports them as constants. */
const kernelNames = Object.values(tf).filter((value) => typeof value === "string");

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
  for (const name of kernelNames) {
    const config = tf.getGradient(name);
    if (!config) continue;
    const { gradFunc } = config;
    config.gradFunc = (...call) => {
      differentiated.add(name);
      return gradFunc(...call);
    };
  }
});

describe.each(Object.entries({ elementwise, shapes, matrixProducts, images, losses }))(
  "on the WASM backend, as on the cpu backend: %s:",
  (_, cases) => {
    test.each(cases.map((sweepCase) => [sweepCase.name, sweepCase] as const))("%s", (_name, sweepCase) => {
      expectAgreement(sweepCase);
    });
  },
);

test("every operation that tfjs can differentiate was differentiated here, except for complex numbers", () => {
  const left = kernelNames.filter((name) => tf.getGradient(name) && !differentiated.has(name));
  // tf.broadcastTo and tf.logSoftmax are made of other kernels, and the indices of tf.oneHot are integers.
  expect(left.sort()).toEqual(["BroadcastTo", "ComplexAbs", "LogSoftmax", "OneHot"]);
});

test("the WASM backend lacks only complex numbers, ragged and string tensors and drawing", () => {
  const has = new Set(tf.getKernelsForBackend("wasm").map((kernel) => kernel.kernelName));
  const missing = tf.getKernelsForBackend("cpu").flatMap(({ kernelName }) => (has.has(kernelName) ? [] : [kernelName]));
  expect(missing.sort()).toEqual([
    ...["Complex", "ComplexAbs", "Draw", "FFT", "IFFT", "Imag", "RaggedGather", "RaggedRange", "RaggedTensorToTensor"],
    ...["Real", "StaticRegexReplace"],
  ]);
});
