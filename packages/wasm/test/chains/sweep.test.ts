/** The sweep again, with every result put off that can be, however small. */
import "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, test } from "vitest";
import { least } from "../../src/chains/kernels.js";
import { elementwise } from "../kernels/cases/elementwise.js";
import { images } from "../kernels/cases/images.js";
import { losses } from "../kernels/cases/losses.js";
import { matrixProducts } from "../kernels/cases/products.js";
import { shapes } from "../kernels/cases/shapes.js";
import { expectAgreement } from "../kernels/sweep.js";

const { size } = least;

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
  least.size = 1;
});

afterAll(() => {
  least.size = size;
});

describe.each(Object.entries({ elementwise, shapes, matrixProducts, images, losses }))(
  "put off, as on the cpu backend: %s:",
  (_, cases) => {
    test.each(cases.map((sweepCase) => [sweepCase.name, sweepCase] as const))("%s", (_name, sweepCase) => {
      expectAgreement(sweepCase);
    });
  },
);
