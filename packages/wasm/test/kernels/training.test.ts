import "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
});

/** The same numbers in every run. */
const noise = (size: number, seed: number, scale = 1): number[] =>
  Array.from({ length: size }, (_, i) => scale * Math.sin(12.9898 * (i + 1) + 78.233 * seed));

type Shape = (number | null)[];

/** Trainable layers, with the shape of one input. tfjs cannot differentiate conv3dTranspose, on any backend. */
const layers: Record<string, [shape: Shape, make: () => tf.layers.Layer]> = {
  dense: [[6], () => tf.layers.dense({ units: 5, activation: "tanh" })],
  "dense on a sequence": [[3, 6], () => tf.layers.dense({ units: 5, activation: "relu" })],
  conv1d: [[9, 3], () => tf.layers.conv1d({ filters: 4, kernelSize: 3, strides: 2, activation: "elu" })],
  conv2d: [[7, 6, 3], () => tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: "same", activation: "relu" })],
  "conv2d with strides": [
    [7, 6, 3],
    () => tf.layers.conv2d({ filters: 4, kernelSize: 2, strides: 3, padding: "same" }),
  ],
  "conv2d, channels first": [
    [3, 7, 6],
    () => tf.layers.conv2d({ filters: 4, kernelSize: 3, dataFormat: "channelsFirst" }),
  ],
  conv2dTranspose: [
    [4, 5, 3],
    () => tf.layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: "same" }),
  ],
  conv3d: [[4, 5, 4, 2], () => tf.layers.conv3d({ filters: 3, kernelSize: 2 })],
  separableConv2d: [[7, 6, 3], () => tf.layers.separableConv2d({ filters: 4, kernelSize: 3, depthMultiplier: 2 })],
  depthwiseConv2d: [[7, 6, 3], () => tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: "same" })],
  embedding: [[4], () => tf.layers.embedding({ inputDim: 9, outputDim: 5 })],
  batchNormalization: [[4, 5], () => tf.layers.batchNormalization({})],
  layerNormalization: [[4, 5], () => tf.layers.layerNormalization({})],
  prelu: [[6], () => tf.layers.prelu({})],
  simpleRNN: [[4, 3], () => tf.layers.simpleRNN({ units: 5 })],
  gru: [[4, 3], () => tf.layers.gru({ units: 5 })],
  lstm: [[4, 3], () => tf.layers.lstm({ units: 5, returnSequences: true })],
  "bidirectional lstm": [
    [4, 3],
    () => tf.layers.bidirectional({ layer: tf.layers.lstm({ units: 2 }) as tf.RNN, mergeMode: "concat" }),
  ],
  "an lstm that goes both ways through masked steps": [
    [6, 1],
    () =>
      tf.sequential({
        layers: [
          tf.layers.activation({ activation: "relu", inputShape: [6, 1] }),
          tf.layers.masking({ maskValue: 0 }),
          tf.layers.bidirectional({ layer: tf.layers.lstm({ units: 3 }) as tf.RNN, mergeMode: "concat" }),
        ],
      }),
  ],
  convLstm2d: [
    [2, 5, 5, 2],
    () => tf.layers.convLstm2d({ filters: 3, kernelSize: 3, padding: "same" }) as unknown as tf.layers.Layer,
  ],
  "timeDistributed dense": [[3, 4], () => tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 5 }) })],
};

/**
 * Layers without weights of their own: the gradient passes through them to a dense layer before. Upsampling is not among them, since the cpu backend's gradient
 * of it is wrong; the sweep compares that with finite differences.
 */
const between: typeof layers = {
  maxPooling1d: [[8, 3], () => tf.layers.maxPooling1d({ poolSize: 2 })],
  averagePooling1d: [[8, 3], () => tf.layers.averagePooling1d({ poolSize: 2 })],
  maxPooling2d: [[6, 7, 3], () => tf.layers.maxPooling2d({ poolSize: 2 })],
  averagePooling2d: [[6, 7, 3], () => tf.layers.averagePooling2d({ poolSize: 2, padding: "same" })],
  maxPooling3d: [[4, 5, 4, 3], () => tf.layers.maxPooling3d({ poolSize: 2, padding: "same" })],
  averagePooling3d: [[4, 4, 4, 3], () => tf.layers.averagePooling3d({ poolSize: [2, 2, 2] })],
  globalMaxPooling2d: [[4, 5, 3], () => tf.layers.globalMaxPooling2d({})],
  globalAveragePooling2d: [[4, 5, 3], () => tf.layers.globalAveragePooling2d({})],
  zeroPadding2d: [[4, 5, 3], () => tf.layers.zeroPadding2d({ padding: 2 })],
  cropping2D: [
    [6, 7, 3],
    () =>
      tf.layers.cropping2D({
        cropping: [
          [1, 1],
          [2, 0],
        ],
      }),
  ],
  permute: [[4, 5, 3], () => tf.layers.permute({ dims: [3, 1, 2] })],
  repeatVector: [[4], () => tf.layers.repeatVector({ n: 3 })],
  softmax: [[5], () => tf.layers.softmax({})],
  leakyReLU: [[4, 5], () => tf.layers.leakyReLU({})],
  elu: [[4, 5], () => tf.layers.elu({})],
};

/** The loss, its gradients and those of all weights. */
async function gradients(
  backend: string,
  model: tf.Sequential,
  shape: readonly number[],
  tokens: boolean,
): Promise<number[][]> {
  await tf.setBackend(backend);
  return tf.tidy(() => {
    const size = tf.util.sizeFromShape([...shape]);
    const x = tokens
      ? tf.tensor(
          noise(size, 1).map((v) => Math.floor(4.5 + 4.4 * v)),
          [...shape],
        )
      : tf.tensor(noise(size, 1), [...shape]);
    const { value, grads } = tf.variableGrads(
      () => (model.apply(x, { training: true }) as tf.Tensor).square().mean() as tf.Scalar,
    );
    return [value, ...Object.values(grads)].map((gradient) => [...gradient.dataSync()]);
  });
}

/** A model of the layer, built of the same numbers on any backend. */
async function modelOn(
  backend: string,
  shape: Shape,
  make: () => tf.layers.Layer,
  first: boolean,
): Promise<tf.Sequential> {
  await tf.setBackend(backend);
  const model = tf.sequential();
  model.add(tf.layers.inputLayer({ inputShape: shape }));
  if (first) model.add(tf.layers.dense({ units: shape.at(-1)! }));
  model.add(make());
  model.setWeights(model.getWeights().map((w, i) => tf.tensor(noise(w.size, i + 2, 0.4), w.shape)));
  return model;
}

async function expectSameGradients(
  shape: Shape,
  make: () => tf.layers.Layer,
  first: boolean,
  tokens = false,
): Promise<void> {
  const results: number[][][] = [];
  for (const backend of ["cpu", "wasm"]) {
    const model = await modelOn(backend, shape, make, first);
    results.push(await gradients(backend, model, [2, ...(shape as number[])], tokens));
    model.dispose();
  }
  const [expected, actual] = results as [number[][], number[][]];
  expect(actual.length).toBe(expected.length);
  expect(expected.length).toBeGreaterThan(1);
  expected.forEach((values, i) => {
    const scale = Math.max(1e-3, ...values.map(Math.abs));
    values.forEach((value, j) => {
      expect(Math.abs(actual[i]![j]! - value) / scale).toBeLessThan(1e-4);
    });
  });
}

describe("a model trains on the WASM backend as on the cpu backend with the layer", () => {
  test.each(Object.entries(layers))("%s", async (name, [shape, make]) => {
    await expectSameGradients(shape, make, false, name === "embedding");
  });

  test.each(Object.entries(between))("%s, which has no weights", async (_, [shape, make]) => {
    await expectSameGradients(shape, make, true);
  });
});

test("a conv net's losses over ten steps are those of the cpu backend, and no memory is kept", async () => {
  const run = async (backend: string) => {
    await tf.setBackend(backend);
    const kernels = [
      [3, 3, 1, 4],
      [3, 3, 4, 6],
      [54, 3],
    ].map((shape, i) => tf.variable(tf.tensor(noise(tf.util.sizeFromShape(shape), i, 0.3), shape)));
    const x = tf.tensor4d(noise(4 * 12 * 12, 9), [4, 12, 12, 1]);
    const y = tf.tensor2d([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [0, 1, 0],
    ]);
    const optimizer = tf.train.adam(0.01);
    const losses: number[] = [];
    let kept = 0;
    for (let step = 0; step < 10; step++) {
      if (step === 2) kept = tf.backend().numDataIds();
      tf.tidy(() => {
        const loss = optimizer.minimize(() => {
          const [k1, k2, k3] = kernels as [tf.Variable, tf.Variable, tf.Variable];
          const first = tf
            .conv2d(x, k1 as unknown as tf.Tensor4D, 1, "same")
            .relu()
            .maxPool(2, 2, "same");
          const second = tf.conv2d(first as tf.Tensor4D, k2 as unknown as tf.Tensor4D, 2, "same").relu();
          return tf.losses.softmaxCrossEntropy(y, second.reshape([4, -1]).matMul(k3)) as tf.Scalar;
        }, true)!;
        losses.push(loss.dataSync()[0]!);
      });
    }
    expect(tf.backend().numDataIds()).toBe(kept);
    for (const tensor of [x, y, ...kernels]) tensor.dispose();
    optimizer.dispose();
    return losses;
  };
  const [cpu, wasm] = [await run("cpu"), await run("wasm")];
  expect(wasm[9]!).toBeLessThan(wasm[0]!);
  wasm.forEach((loss, i) => {
    expect(loss).toBeCloseTo(cpu[i]!, 4);
  });
});

describe("a tensor written over in place, on the heap:", () => {
  /** The part of the backend that is used to write on its heap. */
  interface Heap {
    readonly wasm: {
      readonly HEAPF32: Float32Array;
      readonly tfjs: { disposeData(id: number): void; registerTensor(id: number, size: number, address: number): void };
    };
    readonly dataIdMap: { get(dataId: object): { readonly id: number; readonly memoryOffset: number } };
  }

  const bias = () => tf.ones([16]);
  const image = () => tf.ones([1, 6, 6, 4]) as tf.Tensor4D;
  const kernel = () => tf.ones([3, 3, 4, 16]) as tf.Tensor4D;

  const stale: Record<string, () => [written: tf.Tensor, result: () => tf.Tensor]> = {
    "a convolution's kernel": () => {
      const [x, w] = [image(), kernel()];
      return [w, () => tf.conv2d(x, w, 1, "same")];
    },
    "a fused convolution's bias": () => {
      const [x, w, b] = [image(), kernel(), bias()];
      return [b, () => tf.fused.conv2d({ x, filter: w, strides: 1, pad: "same", bias: b })];
    },
    "a prelu's slopes": () => {
      const [x, alpha] = [tf.fill([2, 4], -1), tf.ones([4])];
      return [alpha, () => tf.prelu(x, alpha)];
    },
  };

  test.each(Object.entries(stale))(
    "the backend goes on with %s as it was, until its packed copy is given up",
    async (_, make) => {
      await tf.setBackend("wasm");
      tf.tidy(() => {
        const heap = tf.backend() as unknown as Heap;
        const [written, result] = make();
        const sum = () => result().sum().dataSync()[0]!;
        const before = sum();
        const { id, memoryOffset } = heap.dataIdMap.get(written.dataId);
        heap.wasm.HEAPF32.fill(3, memoryOffset / 4, memoryOffset / 4 + written.size);
        expect(sum()).toBe(before);
        heap.wasm.tfjs.disposeData(id);
        heap.wasm.tfjs.registerTensor(id, written.size, memoryOffset);
        expect(sum()).not.toBe(before);
      });
    },
  );

  test.each([1, 4, 32])(
    "products of %i rows see the new values of matrix and bias at once: they hold no copy",
    (rows) => {
      tf.tidy(() => {
        const heap = tf.backend() as unknown as Heap;
        const [a, b, c] = [tf.ones([rows, 8]), tf.ones([8, 16]) as tf.Tensor2D, bias()];
        const product = () => tf.fused.matMul({ a: a as tf.Tensor2D, b, bias: c }).dataSync()[0];
        expect(product()).toBe(9);
        for (const written of [b, c]) {
          const { memoryOffset } = heap.dataIdMap.get(written.dataId);
          heap.wasm.HEAPF32.fill(3, memoryOffset / 4, memoryOffset / 4 + written.size);
        }
        expect(product()).toBe(27);
      });
    },
  );
});
