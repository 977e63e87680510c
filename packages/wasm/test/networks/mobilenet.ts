/** MobileNetV2 (Sandler et al., CVPR 2018, arXiv 1801.04381), written once for whatever has its operations: 158 variables, 2.24 million parameters. */

/** What the network is made of. Convolutions have padding "same"; `norm` takes mean and variance from the batch. */
export interface Operations<T> {
  conv(x: T, filter: T, stride: number): T;
  depthwise(x: T, filter: T, stride: number): T;
  norm(x: T, scale: T, offset: T): T;
  relu6(x: T): T;
  add(a: T, b: T): T;
  /** The mean of each image's channels, times a matrix, plus a bias. */
  classify(x: T, weights: T, bias: T): T;
  /** The mean over the batch of the softmax cross-entropy with one-hot labels. */
  loss(logits: T, labels: T): T;
}

/** What a variable is, by which it is initialised and judged. */
export interface Variable {
  readonly name: string;
  readonly shape: readonly number[];
  /** The standard deviation of its first values about `mean`. */
  readonly deviation: number;
  readonly mean: number;
  /** Its gradient is zero by the network's form. */
  readonly zero: boolean;
}

/** Makes a variable, or finds it. */
type Make<T> = (variable: Variable) => T;

/** Expansion, channels, repetitions and stride of the bottlenecks: the paper's table 2. */
const table = [
  ...[[1, 16, 1, 1] as const, [6, 24, 2, 2] as const, [6, 32, 3, 2] as const, [6, 64, 4, 2] as const],
  ...[[6, 96, 3, 1] as const, [6, 160, 3, 2] as const, [6, 320, 1, 1] as const],
];

/** The loss of images x with one-hot labels. */
export function mobilenet<T>(ops: Operations<T>, make: Make<T>, x: T, labels: T, classes = 10): T {
  const variable = (name: string, shape: number[], deviation: number, mean = 0, zero = false) =>
    make({ name, shape, deviation, mean, zero });
  /**
   * A bottleneck ends in a norm without activation. What its offset adds to a channel, all 1×1 convolutions that follow, past any sums with earlier bottlenecks, pass on as a constant, and
   * each norm behind them takes away. So the offset moves nothing.
   */
  const norm = (name: string, x: T, channels: number, linear = false) =>
    ops.norm(x, variable(`${name}/scale`, [channels], 0.1, 1), variable(`${name}/offset`, [channels], 0.1, 0, linear));
  const conv = (name: string, x: T, size: number, from: number, to: number, stride = 1) =>
    ops.conv(x, variable(`${name}/filter`, [size, size, from, to], Math.sqrt(2 / (size * size * from))), stride);
  const depthwise = (name: string, x: T, channels: number, stride: number) =>
    ops.depthwise(x, variable(`${name}/filter`, [3, 3, channels, 1], Math.sqrt(2 / 9)), stride);

  const bottleneck = (name: string, x: T, from: number, to: number, expansion: number, stride: number): T => {
    const inner = from * expansion;
    let y = x;
    if (expansion > 1) y = ops.relu6(norm(`${name}/expand`, conv(`${name}/expand`, y, 1, from, inner), inner));
    y = ops.relu6(norm(`${name}/depthwise`, depthwise(`${name}/depthwise`, y, inner, stride), inner));
    y = norm(`${name}/project`, conv(`${name}/project`, y, 1, inner, to), to, true);
    return stride === 1 && from === to ? ops.add(y, x) : y;
  };

  let y = ops.relu6(norm("first", conv("first", x, 3, 3, 32, 2), 32));
  let channels = 32;
  table.forEach(([expansion, to, repetitions, stride], stage) => {
    for (let i = 0; i < repetitions; i++) {
      y = bottleneck(`${stage}-${i}`, y, channels, to, expansion, i === 0 ? stride : 1);
      channels = to;
    }
  });
  y = ops.relu6(norm("last", conv("last", y, 1, channels, 1280), 1280));
  const weights = variable("classes/weights", [1280, classes], 0.03);
  return ops.loss(ops.classify(y, weights, variable("classes/bias", [classes], 0.1)), labels);
}
