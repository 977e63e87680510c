/** Convolutions, pooling and resizing, over strides, dilations, paddings and batch sizes. */
import * as tf from "@tensorflow/tfjs";
import { type Case, float, op, valueOnly } from "../sweep.js";

type Pair = [number, number];
type Pad = "same" | "valid" | number | [Pair, Pair, Pair, Pair];

const uneven: Pad = [
  [0, 0],
  [1, 2],
  [0, 1],
  [0, 0],
];
const rounding = (pad: Pad) => (typeof pad === "string" ? undefined : "floor");

/** Images, kernels, strides and paddings: what was reported to be wrong among them. */
const geometries = (
  [
    [7, 7],
    [8, 6],
  ] as Pair[]
).flatMap((size) =>
  (
    [
      [1, 1],
      [2, 2],
      [3, 3],
      [5, 5],
      [1, 3],
      [4, 2],
    ] as Pair[]
  ).flatMap((kernel) =>
    (
      [
        [1, 1],
        [2, 2],
        [3, 3],
        [1, 2],
        [4, 4],
      ] as Pair[]
    ).flatMap((stride) => (["same", "valid", 1, uneven] as Pad[]).map((pad) => ({ size, kernel, stride, pad }))),
  ),
);

const title = (g: (typeof geometries)[number]): string =>
  `[${g.size}] by [${g.kernel}], stride ${g.stride}, padding ${JSON.stringify(g.pad)}`;

const convolutions = geometries.flatMap((g, i) => {
  const [channels, filters] = (
    [
      [1, 1],
      [3, 5],
      [4, 16],
      [2, 19],
    ] as Pair[]
  )[i % 4]!;
  return [
    op(
      `conv2d ${title(g)}, ${channels} to ${filters}`,
      [float([1 + (i % 3), ...g.size, channels]), float([...g.kernel, channels, filters])],
      (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, g.stride, g.pad, "NHWC", 1, rounding(g.pad)),
      // tfjs passes no rounding mode on to the gradients of a convolution, and then refuses a padding that does not divide evenly.
      typeof g.pad === "string",
    ),
    op(
      `depthwiseConv2d ${title(g)}, ${channels} times ${1 + (i % 3)}`,
      [float([1 + (i % 2), ...g.size, channels]), float([...g.kernel, channels, 1 + (i % 3)])],
      (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, g.stride, g.pad, "NHWC", 1, rounding(g.pad)),
      true,
    ),
  ];
});

const dilated = (
  [
    [2, 2],
    [1, 2],
    [3, 1],
  ] as Pair[]
).flatMap((dilation) =>
  (["same", "valid", 1] as Pad[]).flatMap((pad) => [
    valueOnly(`conv2d dilated by ${dilation}, padding ${pad}`, [float([2, 9, 8, 3]), float([3, 3, 3, 5])], (x, w) =>
      tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, pad, "NHWC", dilation, rounding(pad)),
    ),
    valueOnly(
      `depthwiseConv2d dilated by ${dilation}, padding ${pad}`,
      [float([2, 9, 8, 3]), float([3, 3, 3, 2])],
      (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, pad, "NHWC", dilation, rounding(pad)),
    ),
  ]),
);

const transposed = (
  [
    [1, 1],
    [2, 2],
    [3, 3],
    [1, 2],
  ] as Pair[]
).flatMap((stride) =>
  (["same", "valid"] as const).map((pad) => {
    const out = (n: number, s: number) => (pad === "same" ? n * s : (n - 1) * s + 3);
    return op(`conv2dTranspose, stride ${stride}, padding ${pad}`, [float([2, 4, 5, 3]), float([3, 3, 6, 3])], (x, w) =>
      tf.conv2dTranspose(x as tf.Tensor4D, w as tf.Tensor4D, [2, out(4, stride[0]), out(5, stride[1]), 6], stride, pad),
    );
  }),
);

const pooling = { maxPool: tf.maxPool, avgPool: tf.avgPool } as const;
const resizing = {
  resizeBilinear: tf.image.resizeBilinear,
  resizeNearestNeighbor: tf.image.resizeNearestNeighbor,
} as const;

const pools = geometries
  .filter(({ kernel, size }) => kernel[0] <= size[0])
  .flatMap((g, i) =>
    (["maxPool", "avgPool"] as const).map((name) =>
      op(
        `${name} ${title(g)}`,
        [float([1 + (i % 2), ...g.size, [1, 3, 4, 9][i % 4]!])],
        (x) => pooling[name](x as tf.Tensor4D, g.kernel, g.stride, g.pad as never, rounding(g.pad)),
        typeof g.pad === "string",
      ),
    ),
  );

const volumes = ([1, 2] as const).flatMap((stride) =>
  (["same", "valid"] as const).flatMap((pad) => [
    op(`conv3d, stride ${stride}, padding ${pad}`, [float([2, 4, 5, 4, 2]), float([2, 3, 2, 2, 3])], (x, w) =>
      tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, stride, pad),
    ),
    op(`maxPool3d, stride ${stride}, padding ${pad}`, [float([2, 4, 5, 4, 3])], (x) =>
      tf.maxPool3d(x as tf.Tensor5D, 2, stride, pad),
    ),
    op(`avgPool3d, stride ${stride}, padding ${pad}`, [float([2, 4, 5, 4, 3])], (x) =>
      tf.avgPool3d(x as tf.Tensor5D, 2, stride, pad),
    ),
  ]),
);

const activations = ["linear", "relu", "relu6", "sigmoid", "elu", "leakyrelu"] as const;

const fused = activations.flatMap((activation) =>
  ([1, 2, 4] as const).flatMap((strides) =>
    (
      [
        ["conv2d", 5, 5],
        ["depthwiseConv2d", 2, 6],
      ] as const
    ).map(([name, filters, outputs]) =>
      op(
        `fused.${name}, ${activation}, stride ${strides}`,
        [float([2, 7, 6, 3]), float([2, 2, 3, filters]), float([outputs])],
        (x, filter, bias) =>
          tf.fused[name]({
            x: x as tf.Tensor4D,
            filter: filter as tf.Tensor4D,
            bias,
            strides,
            pad: "same",
            activation,
            leakyreluAlpha: 0.3,
          }),
      ),
    ),
  ),
);

const resizes = (["resizeBilinear", "resizeNearestNeighbor"] as const).flatMap((name) =>
  (
    [
      [8, 12],
      [2, 3],
      [5, 5],
      [4, 6],
    ] as Pair[]
  ).flatMap((size) =>
    (
      [
        [false, false],
        [true, false],
        [false, true],
      ] as const
    ).map(
      ([corners, centers]): Case => ({
        ...op(
          `${name} to [${size}]${corners ? ", corners aligned" : ""}${centers ? ", half-pixel centers" : ""}`,
          [float([2, 4, 6, 3])],
          (x) => resizing[name](x as tf.Tensor4D, size, corners, centers),
          // tfjs's gradients leave half-pixel centers out of account, on every backend.
          !centers,
        ),
        // The cpu backend's gradients swap height and width, or take the second image's from the wrong place.
        cpuGradientIsWrong: !centers,
      }),
    ),
  ),
);

export const images: readonly Case[] = [
  ...convolutions,
  ...dilated,
  ...transposed,
  ...pools,
  ...volumes,
  ...fused,
  ...resizes,
  ...([1, 2] as const).flatMap((stride) =>
    (["same", "valid"] as const).map((pad) =>
      op(`conv1d, stride ${stride}, padding ${pad}`, [float([2, 9, 3]), float([3, 3, 5])], (x, w) =>
        tf.conv1d(x as tf.Tensor3D, w as tf.Tensor3D, stride, pad),
      ),
    ),
  ),
  op("conv2d of one image without a batch", [float([7, 6, 3]), float([3, 3, 3, 4])], (x, w) =>
    tf.conv2d(x as tf.Tensor3D, w as tf.Tensor4D, 1, "same"),
  ),
  op("conv2d of a wide image", [float([1, 3, 300, 2]), float([3, 3, 2, 4])], (x, w) =>
    tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same"),
  ),
  valueOnly("conv2d of no images", [float([0, 7, 6, 3]), float([3, 3, 3, 4])], (x, w) =>
    tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same"),
  ),
  op("conv2d, channels first", [float([2, 3, 7, 6]), float([3, 3, 3, 4])], (x, w) =>
    tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, "same", "NCHW"),
  ),
  op("separableConv2d", [float([2, 7, 6, 3]), float([3, 3, 3, 2]), float([1, 1, 6, 4])], (x, d, p) =>
    tf.separableConv2d(x as tf.Tensor4D, d as tf.Tensor4D, p as tf.Tensor4D, 1, "same"),
  ),
  op("dilation2d", [float([2, 7, 6, 3]), float([3, 2, 3])], (x, w) =>
    tf.dilation2d(x as tf.Tensor4D, w as tf.Tensor3D, 1, "same"),
  ),
  op("localResponseNormalization", [float([2, 4, 4, 7])], (x) =>
    tf.localResponseNormalization(x as tf.Tensor4D, 2, 1, 0.5, 0.75),
  ),
  op("pool with a dilation", [float([2, 8, 8, 3])], (x) => tf.pool(x as tf.Tensor4D, 2, "max", "valid", 2)),
];
