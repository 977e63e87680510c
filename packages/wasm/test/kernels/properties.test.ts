/** The kernels on any shape against the cpu backend: values, and gradients where tfjs has them. */
import "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, test } from "vitest";
import { check } from "../../../core/test/check.js";
import { differentiable, type Geometry, geometries, imageShape, resultShape, title } from "./arbitraries.js";
import { type Case, expectAgreement, float, type Input, op } from "./sweep.js";

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
});

const either = ["NHWC", "NCHW"] as const;
const last = ["NHWC"] as const;

type Image = tf.Tensor4D;

describe("as on the cpu backend, whatever the geometry:", () => {
  test("conv2d and its gradients", () => {
    check(geometries(either, true), 250, (g) => {
      const inputs = [float(imageShape(g)), float([...g.kernel, g.channels, g.filters])];
      const run = (x: Image, w: Image) => tf.conv2d(x, w, g.strides, g.pad, g.format, g.dilations);
      expectAgreement(op(title(g), inputs, run, differentiable(g)));
    });
  });

  test("depthwiseConv2d and its gradients", () => {
    check(geometries(last, true), 200, (g) => {
      const inputs = [float(imageShape(g)), float([...g.kernel, g.channels, 1 + (g.filters % 3)])];
      const run = (x: Image, w: Image) => tf.depthwiseConv2d(x, w, g.strides, g.pad, g.format, g.dilations);
      expectAgreement(op(title(g), inputs, run, differentiable(g)));
    });
  });

  test("depthwiseConv2d of many channels and its gradients", () => {
    check(geometries(last, true, { size: 14, channels: 21 }), 100, (g) => {
      const inputs = [float(imageShape(g)), float([...g.kernel, g.channels, 1]), float([g.channels])];
      const run = (x: Image, filter: Image, bias: tf.Tensor1D) =>
        tf.fused.depthwiseConv2d({
          ...{ x, filter, bias, strides: g.strides, pad: g.pad as "same", dilations: g.dilations },
          activation: (["linear", "relu", "relu6"] as const)[g.filters % 3]!,
        });
      expectAgreement(op(title(g), inputs, run, differentiable(g)));
    });
  });

  test("conv2dTranspose and its gradients", () => {
    check(geometries(last, false), 150, (g) => {
      const shape = imageShape(g) as [number, number, number, number];
      const inputs = [float(resultShape(g)), float([...g.kernel, g.channels, g.filters])];
      const run = (y: Image, w: Image) => tf.conv2dTranspose(y, w, shape, g.strides, g.pad as "same");
      expectAgreement(op(title(g), inputs, run));
    });
  });

  test.each([
    ["maxPool", tf.maxPool],
    ["avgPool", tf.avgPool],
  ] as const)("%s and its gradient", (_, pool) => {
    check(geometries(last, false), 150, (g) => {
      // Windows that lie in the padding altogether have no maximum, and no mean.
      fc.pre(g.pad === "same" || g.pad === "valid");
      const run = (x: Image) => pool(x, g.kernel, g.strides, g.pad as "same");
      expectAgreement(op(title(g), [float(imageShape(g))], run));
    });
  });
});

const activations = ["linear", "relu", "relu6", "sigmoid", "elu", "leakyrelu", "prelu"] as const;

/** How the slopes of a prelu lie along [.., height, width, channels]. */
const slopes = fc.constantFrom("scalar", "channels", "all", "rows", "columns");

function slopeShape(kind: string, shape: readonly number[], format: Geometry["format"]): number[] {
  const [height, width, channels] = format === "NHWC" ? shape.slice(1) : [shape[2], shape[3], shape[1]];
  const sizes = {
    scalar: [1, 1, 1],
    channels: [1, 1, channels!],
    all: [height!, width!, channels!],
    rows: [height!, 1, 1],
    columns: [1, width!, channels!],
  }[kind] as [number, number, number];
  return format === "NHWC" ? sizes : [sizes[2], sizes[0], sizes[1]];
}

interface Fused {
  readonly g: Geometry;
  readonly activation: (typeof activations)[number];
  readonly slope: string;
  readonly bias: boolean;
}

const fusedOf = (formats: typeof either | typeof last): fc.Arbitrary<Fused> =>
  fc.record({
    g: geometries(formats, true),
    activation: fc.constantFrom(...activations),
    slope: slopes,
    bias: fc.boolean(),
  });

/** A fused convolution of either kind; tfjs has no gradient of a fused prelu, nor of what is fused with channels first. */
function fusedCase(name: "conv2d" | "depthwiseConv2d", { g, activation, slope, bias }: Fused): Case {
  const times = 1 + (g.filters % 3);
  const outputs = name === "conv2d" ? g.filters : g.channels * times;
  const inputs: Input[] = [
    float(imageShape(g)),
    float([...g.kernel, g.channels, name === "conv2d" ? g.filters : times]),
    float([outputs]),
    float(slopeShape(slope, resultShape(g, outputs), g.format)),
  ];
  const attrs = { strides: g.strides, pad: g.pad as "same", dataFormat: g.format, dilations: g.dilations };
  const run = (x: Image, filter: Image, b: tf.Tensor1D, alpha: tf.Tensor3D): tf.Tensor => {
    const inputs = { x, filter, ...(bias && { bias: b }) };
    const preluActivationWeights = activation === "prelu" && { preluActivationWeights: alpha };
    const all = { ...attrs, activation, leakyreluAlpha: 0.3 };
    if (g.format === "NHWC") return tf.fused[name]({ ...inputs, ...preluActivationWeights, ...all });
    // tf.fused.conv2d compares slopes with the shape that the result would have with channels last.
    return tf.engine().runKernel("FusedConv2D", { ...inputs, ...preluActivationWeights }, all) as tf.Tensor;
  };
  const gradients = differentiable(g) && g.format === "NHWC" && activation !== "prelu" && (bias ? [0, 1, 2] : [0, 1]);
  return op(`fused.${name} ${activation} ${title(g)}`, inputs, run, gradients);
}

describe("as on the cpu backend, whatever the activation, bias and slopes:", () => {
  test("fused.conv2d", () => check(fusedOf(either), 250, (fused) => expectAgreement(fusedCase("conv2d", fused))));

  test("fused.depthwiseConv2d", () =>
    check(fusedOf(last), 150, (fused) => expectAgreement(fusedCase("depthwiseConv2d", fused))));

  const extent = fc.integer({ min: 1, max: 20 });

  test("fused.matMul", () => {
    const drawn = fc.record({
      ...{
        rows: extent,
        depth: extent,
        columns: extent,
        batch: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }),
      },
      ...{ transposeA: fc.boolean(), transposeB: fc.boolean(), bias: fc.boolean(), slope: fc.boolean() },
      activation: fc.constantFrom(...activations),
    });
    check(drawn, 200, ({ rows, depth, columns, batch, transposeA, transposeB, bias, slope, activation }) => {
      const flip = (flag: boolean, a: number, b: number) => (flag ? [b, a] : [a, b]);
      const inputs = [
        ...[
          float([...batch, ...flip(transposeA, rows, depth)]),
          float([...batch, ...flip(transposeB, depth, columns)]),
        ],
        ...[float([columns]), float(slope ? [columns] : [rows, 1])],
      ];
      const run = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor, alpha: tf.Tensor) =>
        tf.fused.matMul({
          ...{ a, b, transposeA, transposeB, activation, leakyreluAlpha: 0.3 },
          ...(bias && { bias: c }),
          ...(activation === "prelu" && { preluActivationWeights: alpha }),
        });
      const gradients = activation !== "prelu" && (bias ? [0, 1, 2] : [0, 1]);
      expectAgreement(op("fused.matMul", inputs, run, gradients));
    });
  });
});

/** Shapes of up to five axes, and one that is broadcast to them. */
const broadcast = fc
  .array(fc.record({ size: fc.integer({ min: 1, max: 4 }), one: fc.boolean() }), { maxLength: 5 })
  .chain((axes) =>
    fc.nat(axes.length).map((missing) => ({
      full: axes.map(({ size }) => size),
      part: axes.slice(missing).map(({ size, one }) => (one ? 1 : size)),
    })),
  );

describe("as on the cpu backend, whatever the ranks:", () => {
  test("prelu, its slopes broadcast to the values", () => {
    check(broadcast, 150, ({ full, part }) => {
      expectAgreement(op(`prelu [${full}] [${part}]`, [float(full), float(part)], (x, alpha) => tf.prelu(x, alpha)));
    });
  });

  test("transpose and sum over any axes", () => {
    const drawn = broadcast.chain(({ full }) =>
      fc.record({
        full: fc.constant(full),
        perm: fc.shuffledSubarray([...full.keys()], { minLength: full.length }),
        axes: fc.subarray([...full.keys()]),
        keep: fc.boolean(),
      }),
    );
    check(drawn, 150, ({ full, perm, axes, keep }) => {
      expectAgreement(op(`transpose [${full}] [${perm}]`, [float(full)], (x) => tf.transpose(x, perm)));
      expectAgreement(op(`sum [${full}] [${axes}]`, [float(full)], (x) => tf.sum(x, axes, keep)));
    });
  });

  test("clipByValue, in which NaN stays NaN", () => {
    check(fc.array(fc.float(), { maxLength: 40 }), 100, (values) => {
      const run = (x: tf.Tensor) => tf.clipByValue(x.mul(0).add(tf.tensor1d(values, "float32")), -1, 2);
      expectAgreement(op("clipByValue", [float([values.length])], run, false));
    });
  });
});
