/** Input that a kernel would read, or write, past the end of: refused with the reason, nothing left on the heap, and the backend goes on. */
import "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
});

const ones = (...shape: number[]) => tf.ones(shape);
const ints = (...shape: number[]) => tf.ones(shape, "int32");

/** A kernel itself, without the operation that looks at its inputs first. */
const kernel = (name: string, inputs: tf.NamedTensorMap, attrs: object = {}) =>
  tf.engine().runKernel(name, inputs, attrs as never);

const window = { strides: [1, 1], pad: "valid", dilations: [1, 1], dataFormat: "NHWC" };
const pool = { filterSize: [2, 2], strides: [1, 1], pad: "valid" };
const volume = { strides: [1, 1, 1], pad: "valid" };
const backwards = { ...window, filterShape: [2, 2, 3, 5], inputShape: [1, 4, 4, 3] };

type Refused = readonly [what: string, run: () => unknown, message: RegExp];

const ranks: Refused[] = [
  ["a matrix times a vector", () => tf.matMul(ones(2, 3), ones(3)), /BatchMatMul.*"b" with at least 2 axes.*\[3\]/],
  ["a vector times a matrix", () => tf.matMul(ones(3), ones(3, 2)), /"a" with at least 2 axes.*\[3\]/],
  [
    "a convolution of one image",
    () => kernel("Conv2D", { x: ones(4, 4, 3), filter: ones(2, 2, 3, 5) }, window),
    /"x" with 4 axes/,
  ],
  [
    "a filter of three axes",
    () => kernel("DepthwiseConv2dNative", { x: ones(1, 4, 4, 3), filter: ones(2, 2, 3) }, window),
    /"filter" with 4/,
  ],
  ["pooling of one image", () => kernel("MaxPool", { x: ones(4, 4, 3) }, pool), /images of 4 axes.*\[4,4,3\]/],
  [
    "dilation by a filter with outputs",
    () =>
      kernel("Dilation2D", { x: ones(1, 4, 4, 3), filter: ones(2, 2, 3, 1) }, { ...window, strides: 1, dilations: 1 }),
    /"filter" with 3 axes/,
  ],
  ["a missing input", () => kernel("Conv2D", { x: ones(1, 4, 4, 3) }, window), /needs the input "filter"/],
];

const shapes: Refused[] = [
  [
    "inner sizes that differ",
    () => kernel("BatchMatMul", { a: ones(1, 2, 3), b: ones(1, 4, 5) }),
    /\[1,2,3\].*3.*\[1,4,5\].*4.*equal/s,
  ],
  [
    "channels that differ",
    () => kernel("Conv2D", { x: ones(1, 4, 4, 3), filter: ones(2, 2, 2, 5) }, window),
    /channels.*3.*2.*equal/s,
  ],
  [
    "channels that differ, depthwise",
    () => kernel("DepthwiseConv2dNative", { x: ones(1, 4, 4, 3), filter: ones(2, 2, 2, 1) }, window),
    /channels.*equal/s,
  ],
  [
    "a transposed convolution of fewer pixels than its output shape asks for",
    () => tf.conv2dTranspose(ones(1, 2, 2, 5) as tf.Tensor4D, ones(2, 2, 3, 5) as tf.Tensor4D, [1, 8, 8, 3], 1, "same"),
    /"dy" of shape \[1,8,8,5\].*\[1,2,2,5\]/,
  ],
  [
    "dy of another size",
    () => kernel("Conv2DBackpropFilter", { x: ones(1, 4, 4, 3), dy: ones(1, 2, 2, 5) }, backwards),
    /"dy" of shape \[1,3,3,5\]/,
  ],
  [
    "dy of other channels",
    () => kernel("Conv2DBackpropInput", { dy: ones(1, 3, 3, 4), filter: ones(2, 2, 3, 5) }, backwards),
    /"dy" of shape \[1,3,3,5\]/,
  ],
  [
    "dy of another size, depthwise",
    () => kernel("DepthwiseConv2dNativeBackpropInput", { dy: ones(1, 2, 2, 3), filter: ones(2, 2, 3, 1) }, backwards),
    /"dy" of shape \[1,3,3,3\]/,
  ],
  [
    "dy of another size, depthwise filter",
    () =>
      kernel(
        "DepthwiseConv2dNativeBackpropFilter",
        { x: ones(1, 4, 4, 3), dy: ones(1, 2, 2, 3) },
        { ...backwards, filterShape: [2, 2, 3, 1] },
      ),
    /"dy" of shape \[1,3,3,3\]/,
  ],
  [
    "dy of another size, pooling",
    () => kernel("AvgPoolGrad", { dy: ones(1, 2, 2, 3), input: ones(1, 4, 4, 3) }, pool),
    /"dy" of shape \[1,3,3,3\]/,
  ],
  [
    "an output of another size, pooling",
    () => kernel("MaxPoolGrad", { dy: ones(1, 3, 3, 3), input: ones(1, 4, 4, 3), output: ones(1, 2, 2, 3) }, pool),
    /"output" of shape \[1,3,3,3\]/,
  ],
  [
    "dy of another size, volumes",
    () =>
      kernel(
        "Conv3DBackpropFilterV2",
        { x: ones(1, 4, 4, 4, 3), dy: ones(1, 2, 3, 3, 5) },
        { ...volume, filterShape: [2, 2, 2, 3, 5] },
      ),
    /"dy" of shape \[1,3,3,3,5\]/,
  ],
  [
    "dy of another size, dilation",
    () =>
      kernel(
        "Dilation2DBackpropInput",
        { x: ones(1, 4, 4, 3), filter: ones(2, 2, 3), dy: ones(1, 2, 2, 3) },
        { strides: 1, pad: "valid", dilations: 1 },
      ),
    /"dy" of shape \[1,3,3,3\]/,
  ],
  [
    "more ids than rows",
    () => tf.unsortedSegmentSum(ones(2, 3), tf.tensor1d([0, 1, 1, 0], "int32"), 2),
    /"segmentIds" of shape \[2\]/,
  ],
  [
    "a slice that leaves its tensor",
    () => kernel("Slice", { x: ones(3, 3) }, { begin: [1, 1], size: [2, 3] }),
    /\[2,3\] at \[1,1\].*\[3,3\]/,
  ],
  [
    "a permutation that takes an axis twice",
    () => kernel("Transpose", { x: ones(2, 3) }, { perm: [0, 0] }),
    /every axis.*\[0,0\].*\[2,3\]/,
  ],
];

const geometries: Refused[] = [
  [
    "windows larger than the image",
    () => tf.conv2d(ones(1, 2, 2, 3) as tf.Tensor4D, ones(5, 5, 3, 2) as tf.Tensor4D, 1, "valid"),
    /no place for windows of \[5,5\].*\[2,2\]/,
  ],
  [
    "a padding below zero",
    () =>
      tf.conv2d(ones(1, 6, 6, 3) as tf.Tensor4D, ones(2, 2, 3, 2) as tf.Tensor4D, 1, [
        [0, 0],
        [-1, 0],
        [0, 0],
        [0, 0],
      ]),
    /\[-1,0\].*tf\.slice/,
  ],
  [
    "depthwise convolutions with channels first",
    () =>
      kernel(
        "DepthwiseConv2dNative",
        { x: ones(1, 3, 4, 4), filter: ones(2, 2, 3, 1) },
        { ...window, dataFormat: "NCHW" },
      ),
    /"NHWC".*"NCHW"/,
  ],
];

const types: Refused[] = [
  ["products of integers", () => tf.matMul(ints(2, 2), ints(2, 2)), /"a" as float32.*int32.*Cast/s],
  [
    "a bias of integers",
    () => kernel("_FusedMatMul", { a: ones(1, 2, 2), b: ones(1, 2, 2), bias: ints(2) }),
    /"bias" as float32.*int32/,
  ],
  [
    "a gradient of integers",
    () => kernel("Conv2DBackpropFilter", { x: ones(1, 4, 4, 3), dy: ints(1, 3, 3, 5) }, backwards),
    /"dy" as float32.*int32.*cast/,
  ],
  [
    "the moments of integers",
    () => kernel("FusedBatchNorm", { x: ints(2, 3), mean: ones(3), variance: ones(3) }, { varianceEpsilon: 1 }),
    /"x" as float32.*int32/,
  ],
  [
    "segment sums of booleans",
    () => tf.unsortedSegmentSum(tf.ones([2, 2], "bool"), tf.tensor1d([0, 1], "int32"), 2),
    /float32 or int32.*bool/,
  ],
  ["the largest of booleans", () => tf.topk(tf.ones([4], "bool"), 2), /"TopK".*no bool,.*cast/],
  [
    "strings, which are not on the heap",
    () => tf.tile(tf.tensor1d(["a", "b"]), [2]),
    /"Tile".*no string,.*string.*\[2\].*cpu/s,
  ],
  ["comparisons of strings", () => tf.equal(tf.tensor1d(["a"]), tf.tensor1d(["b"])), /"Equal".*no string,/],
];

describe.each(Object.entries({ ranks, shapes, geometries, types }))("refused by its %s:", (_, cases) => {
  test.each(cases)("%s", (_what, run, message) => {
    const before = tf.backend().numDataIds();
    tf.tidy(() => {
      expect(run).toThrow(message);
    });
    expect(tf.backend().numDataIds()).toBe(before);
    expect(tf.tidy(() => tf.matMul(ones(3, 4), ones(4, 5)).sum().dataSync()[0])).toBe(60);
  });
});

describe("handed on, although they are strings:", () => {
  test("reshaped, joined, cut and cloned", () => {
    tf.tidy(() => {
      const words = tf.tensor2d(["a", "b", "c", "d"], [2, 2]);
      const joined = tf.concat([words.reshape([4]), words.clone().reshape([4])]);
      expect(tf.slice(joined, 3, 2).dataSync()).toEqual(["d", "a"]);
    });
  });
});

test("a clone shares its tensor's data, and outlives it", () => {
  const x = tf.tensor1d([1, 2]);
  const before = tf.backend().numDataIds();
  const clone = x.clone();
  expect(tf.backend().numDataIds()).toBe(before);
  x.dispose();
  expect([...clone.dataSync()]).toEqual([1, 2]);
  clone.dispose();
  expect(tf.backend().numDataIds()).toBe(before - 1);
});

test("conv2dTranspose takes the part of larger images that its output shape has room for, as the cpu backend does", () => {
  tf.tidy(() => {
    const [y, w] = [tf.range(0, 16).reshape([1, 4, 4, 1]) as tf.Tensor4D, ones(1, 1, 1, 1) as tf.Tensor4D];
    expect([...tf.conv2dTranspose(y, w, [1, 2, 3, 1], 1, "same").dataSync()]).toEqual([0, 1, 2, 4, 5, 6]);
  });
});
