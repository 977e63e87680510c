/** Kernels alone, against what the machine can do: its multiply-adds of 128 bits for products and convolutions, its copies for what only moves or passes over numbers. */
import * as tf from "@tensorflow/tfjs";
import { copy, hasMultiplyAdd, peak, repeated } from "./machine.js";
import { type Benchmark, type Contender, empty, inTurns, judged, type Target, type Time } from "./measure.js";
import { numbers, sizeOf } from "./networks/layers.js";

/** A kernel's work: what it is called with, and how much it has to do. */
interface Work {
  readonly name: string;
  /** Floating point operations, or else bytes read and written. */
  readonly flops?: number;
  readonly bytes?: number;
  readonly target?: Target;
  readonly inputs: () => tf.Tensor[];
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor;
}

/** Turns of this many milliseconds are long enough to be timed. */
const TURN = 20;
const ROUNDS = 9;

/** Asks the backend where a result's data are. @hypergrad/wasm puts elementwise operations off until somebody does. */
function computed({ dataId }: tf.Tensor): void {
  (tf.backend() as unknown as { dataIdMap: { get(dataId: object): unknown } }).dataIdMap.get(dataId);
}

function rowOf({ name, flops, bytes = 0, target, inputs, run }: Work): Benchmark {
  return {
    name: `kernel: ${name}`,
    seconds: 1,
    async run() {
      const tensors = inputs();
      const step = (): void => {
        const result = run(...tensors);
        computed(result);
        result.dispose();
      };
      const once = (await repeated(step, 3).time()) as Time;
      const times = Math.max(1, Math.round(TURN / once.wall));
      const machine: Contender = flops ? peak(flops, times) : copy(bytes, times);
      const [ours, theirs] = (await inTurns([repeated(step, times), machine], ROUNDS, 4)) as [Time, Time];
      tf.dispose(tensors);
      const rate = (ms: number): string => `${((flops ?? bytes) / ms / 1e6).toFixed(1)} ${flops ? "GFLOP" : "GB"}/s`;
      const ratio = ours.cpu / theirs.cpu;
      const multiplyAdd = `128-bit ${hasMultiplyAdd() ? "relaxed multiply-add" : "multiply and add"}`;
      return {
        ...empty(name, `${rate(ours.cpu)}`, `${flops ? multiplyAdd : "memcpy"}: ${rate(theirs.cpu)}`),
        oursMs: ours.wall,
        peerMs: theirs.wall,
        oursCpuMs: ours.cpu,
        peerCpuMs: theirs.cpu,
        ratio,
        ...judged(ratio, target),
      };
    },
  };
}

const tensor = (shape: readonly number[], seed: number): tf.Tensor =>
  tf.tensor(numbers(sizeOf(shape), seed, 1), [...shape]);

const product = (n: number): Work => ({
  name: `product ${n}³`,
  flops: 2 * n ** 3,
  target: { share: 0.85 },
  inputs: () => [tensor([n, n], 1), tensor([n, n], 2)],
  run: (a, b) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D),
});

type Shape = [number, number, number, number];
type Pass = "forward" | "input gradient" | "filter gradient";
/** TensorFlow.js's names of the kernels, for plain convolutions and depthwise ones. */
const kernels = {
  plain: { forward: "Conv2D", "input gradient": "Conv2DBackpropInput", "filter gradient": "Conv2DBackpropFilter" },
  depthwise: {
    forward: "DepthwiseConv2dNative",
    "input gradient": "DepthwiseConv2dNativeBackpropInput",
    "filter gradient": "DepthwiseConv2dNativeBackpropFilter",
  },
} as const;

function convolution(x: Shape, filter: Shape, pass: Pass): Work {
  const [size, , channels, last] = filter;
  const kind = last === 1 ? "depthwise" : "plain";
  const y: Shape = [x[0], x[1], x[2], kind === "plain" ? last : channels];
  const attrs = { strides: 1, pad: "same", dilations: 1, dataFormat: "NHWC", inputShape: x, filterShape: filter };
  return {
    name: `${kind === "plain" ? `${size}×${size} convolution` : "depthwise 3×3"}, ${pass}: [${x}] by [${filter}]`,
    flops: 2 * sizeOf(y) * size * size * (kind === "plain" ? channels : 1),
    ...(size === 1 && { target: { share: 0.85 } }),
    inputs: () => [tensor(pass === "input gradient" ? y : x, 1), tensor(pass === "filter gradient" ? y : filter, 2)],
    run(a, b) {
      const inputs = {
        forward: { x: a, filter: b },
        "input gradient": { dy: a, filter: b },
        "filter gradient": { x: a, dy: b },
      };
      return tf.engine().runKernel(kernels[kind][pass], inputs[pass], attrs) as tf.Tensor;
    },
  };
}

/** What moves or passes over numbers; each reads its inputs and writes its output once. */
function passing(
  name: string,
  shapes: readonly (readonly number[])[],
  run: Work["run"],
  made: readonly number[],
): Work {
  const bytes = 4 * (shapes.reduce((sum, shape) => sum + sizeOf(shape), 0) + sizeOf(made));
  return {
    name: `${name}, ${bytes < 1e7 ? (bytes / 1e6).toFixed(1) : Math.round(bytes / 1e6)} MB`,
    bytes: Math.ceil(bytes / 8) * 8,
    // In the cache a copy of wider vectors than WebAssembly's says little.
    ...(bytes > 1e7 && { target: { share: 0.5 } }),
    inputs: () => shapes.map((shape, i) => tensor(shape, i + 1)),
    run,
  };
}

/** The passes over a MobileNet's activations and a ViT's, for so many examples: few of them stay in the cache, many do not. */
function passes(batch: number): Work[] {
  const [x, channels] = [[batch, 56, 56, 144], [144]];
  const same = (name: string, run: Work["run"]): Work => passing(name, [x], run, x);
  const tokens = batch * 16;
  const moments = [batch, 1, 1, 144];
  return [
    passing("Tile over height and width", [moments], (a) => tf.tile(a, [1, 56, 56, 1]), x),
    passing("Transpose [0,2,1,3] of […,65,4,32]", [[tokens, 65, 4, 32]], (a) => tf.transpose(a, [0, 2, 1, 3]), [
      tokens,
      4,
      65,
      32,
    ]),
    passing(
      "Transpose [2,0,3,1,4] of […,65,3,4,32]",
      [[tokens, 65, 3, 4, 32]],
      (a) => tf.transpose(a, [2, 0, 3, 1, 4]),
      [3, tokens, 4, 65, 32],
    ),
    passing(
      "Transpose [0,1,3,2,4,5] of […,14,4,14,4,144]",
      [[batch, 14, 4, 14, 4, 144]],
      (a) => tf.transpose(a, [0, 1, 3, 2, 4, 5]),
      x,
    ),
    passing("Sum over the last axis", [x], (a) => tf.sum(a, 3), x.slice(0, 3)),
    passing("Sum over the first axes", [x], (a) => tf.sum(a, [0, 1, 2]), channels),
    passing("Mean over height and width", [x], (a) => tf.mean(a, [1, 2]), [batch, 144]),
    passing("Concat along channels", [x, x], (a, b) => tf.concat([a, b], 3), [...x, 2]),
    passing(
      "Pad by 1",
      [x],
      (a) =>
        tf.pad(a, [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]),
      [batch, 58, 58, 144],
    ),
    passing(
      "Slice of half the channels",
      [[batch, 56, 56, 72]],
      (a) => tf.slice(a, [0, 0, 0, 36], [-1, -1, -1, 36]),
      [0],
    ),
    passing("Add", [x, x], (a, b) => tf.add(a, b), x),
    passing("Mul by channels", [x, channels], (a, b) => tf.mul(a, b), x),
    {
      // A condition is a byte for each.
      ...passing("Select", [[batch, 56, 56, 36], x, x], (c, a, b) => tf.where(c, a, b), x),
      inputs: () => [tf.tidy(() => tf.greater(tensor(x, 3), 0)), tensor(x, 1), tensor(x, 2)],
    },
    same("Relu6", (a) => tf.relu6(a)),
    same("Exp", (a) => tf.exp(a)),
    same("Tanh", (a) => tf.tanh(a)),
    same("Softmax", (a) => tf.softmax(a)),
  ];
}

const everyPass = (x: Shape, filter: Shape): Work[] =>
  (["forward", "input gradient", "filter gradient"] as const).map((pass) => convolution(x, filter, pass));

export const kernelRows: readonly Benchmark[] = [
  ...[256, 512, 1024].map(product),
  ...everyPass([16, 56, 56, 24], [1, 1, 24, 144]),
  ...everyPass([16, 14, 14, 384], [1, 1, 384, 64]),
  ...everyPass([16, 16, 16, 128], [3, 3, 128, 128]),
  ...everyPass([16, 56, 56, 144], [3, 3, 144, 1]),
  ...passes(16),
  ...passes(1),
].map(rowOf);
