/** Two threads against one, by the clock: the same work in turns. */
import { hyper } from "@hypergrad/core";
import { adamw } from "@hypergrad/optimizers";
import { setThreads } from "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import { type Benchmark, type Contender, compare, local } from "./measure.js";
import { numbers } from "./networks/layers.js";

interface Work {
  readonly name: string;
  /** At least so many times faster. */
  readonly faster: number;
  readonly prepare: () => { step: () => unknown; dispose: () => void };
}

/** The same on so many threads; the first step after a change starts them, and does not count. */
const on = (threads: number, step: () => unknown): Contender => ({
  async time() {
    await setThreads(threads);
    step();
    return local(step, undefined, 3).time();
  },
  dispose: () => setThreads(1),
});

const rowOf = ({ name, faster, prepare }: Work): Benchmark => ({
  name: `two threads, ${name}`,
  seconds: 3,
  async run() {
    const { step, dispose } = prepare();
    try {
      return await compare(
        { row: "two threads", work: name, peer: "one thread", rounds: 9, target: { faster } },
        on(2, step),
        on(1, step),
      );
    } finally {
      dispose();
    }
  },
});

const operation = (shapes: readonly number[][], run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor) => () => {
  const [a, b] = shapes.map((shape, i) =>
    tf.tensor(
      numbers(
        shape.reduce((x, y) => x * y, 1),
        i,
        1,
      ),
      shape,
    ),
  ) as [tf.Tensor, tf.Tensor];
  return { step: () => run(a, b).dispose(), dispose: () => tf.dispose([a, b]) };
};

const conv = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, "same");

function adamwSteps(): { step: () => unknown; dispose: () => void } {
  const optimizer = hyper(adamw({ lr: 1e-3 }));
  const variable = tf.variable(tf.randomNormal([1e5, 100], 0, 1, "float32", 1));
  const gradients = [{ name: variable.name, tensor: tf.randomNormal([1e5, 100], 0, 1, "float32", 2) }];
  return {
    step: () => optimizer.applyGradients(gradients),
    dispose() {
      optimizer.dispose();
      tf.dispose([variable, gradients[0]!.tensor]);
    },
  };
}

const works: readonly Work[] = [
  ...[512, 1024].map((n) => ({
    name: `product ${n}³`,
    faster: 1.8,
    prepare: operation(
      [
        [n, n],
        [n, n],
      ],
      (a, b) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D),
    ),
  })),
  {
    name: "1×1 convolution, [16,56,56,24] by [1,1,24,144]",
    faster: 1.8,
    prepare: operation(
      [
        [16, 56, 56, 24],
        [1, 1, 24, 144],
      ],
      conv,
    ),
  },
  {
    name: "3×3 convolution, [16,16,16,128] by [3,3,128,128]",
    faster: 1.8,
    prepare: operation(
      [
        [16, 16, 16, 128],
        [3, 3, 128, 128],
      ],
      conv,
    ),
  },
  { name: "AdamW, 10⁷ parameters", faster: 1.5, prepare: adamwSteps },
];

export const threadRows: readonly Benchmark[] = works.map(rowOf);
