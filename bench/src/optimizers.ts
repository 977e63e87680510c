/**
 * Optimizer steps alone: gradients are given and stay the same.
 */
import { type HyperOptions, hyper, learned, type Spec } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import {
  type Benchmark,
  type Contender,
  compare,
  empty,
  judged,
  local,
  type Question,
  type Row,
  type Target,
} from "./measure.js";

type Shapes = readonly number[][];

/** Steps of an optimizer on tensors of these shapes. */
function steps(optimizer: tf.Optimizer, shapes: Shapes): Contender {
  const variables = shapes.map((shape, i) => tf.variable(tf.randomNormal(shape, 0, 1, "float32", i)));
  const gradients = variables.map(({ name, shape }, i) => ({
    name,
    tensor: tf.randomNormal(shape, 0, 1, "float32", 1000 + i),
  }));
  return local(
    () => optimizer.applyGradients(gradients),
    () => {
      optimizer.dispose();
      tf.dispose([variables, gradients.map(({ tensor }) => tensor)]);
    },
  );
}

/** A learning rate learned by a tower of SGDs of this height. */
function tower(height: number): Spec {
  return height === 0 ? sgd({ lr: 1e-12 }) : sgd({ lr: learned(1e-12, tower(height - 1)) });
}

const plain = (): Spec => adamw({ lr: 1e-3 });
const learnedLr = (height: number): Spec => adamw({ lr: learned(1e-3, tower(height - 1)) });
const projected = (): Spec => ftp(adamw({ lr: 1e-3 }));

const matrix = (parameters: number): Shapes => [[parameters / 100, 100]];
/** 150 tensors and about 10⁶ parameters, of the sizes of a small vision transformer. */
const vit: Shapes = Array.from({ length: 150 }, (_, i) => (i % 3 === 0 ? [112, 112 + 64] : [112]));

const works: readonly { work: string; shapes: Shapes; rounds: number; index: number }[] = [
  { work: "10⁵ parameters, one matrix", shapes: matrix(1e5), rounds: 300, index: 0 },
  { work: "10⁶ parameters, one matrix", shapes: matrix(1e6), rounds: 60, index: 1 },
  { work: "10⁷ parameters, one matrix", shapes: matrix(1e7), rounds: 15, index: 2 },
  { work: "10⁶ parameters, 150 tensors (ViT-like)", shapes: vit, rounds: 50, index: 3 },
];

/** One comparison on every kind of work; targets in the order of the works. */
function onAll(
  row: string,
  peer: string,
  ours: () => tf.Optimizer,
  theirs: () => tf.Optimizer,
  targets: readonly (Target | undefined)[],
): Benchmark[] {
  return works.map(({ work, shapes, rounds, index }) => ({
    name: `${row} / ${peer}, ${work}`,
    seconds: 3,
    run: () =>
      compare(question(row, work, peer, rounds, targets[index]), steps(ours(), shapes), steps(theirs(), shapes)),
  }));
}

const question = (row: string, work: string, peer: string, rounds: number, target: Target | undefined): Question => ({
  row,
  work: `one step, ${work}`,
  peer,
  rounds,
  ...(target && { target }),
});

const every = (target: Target): Target[] => works.map(() => target);

/** A step must read four arrays and write three; memcpy reads and writes one. */
const memory: Benchmark = {
  name: "AdamW / memcpy, 10⁷ parameters",
  seconds: 2,
  run: () => {
    const [from, to] = [new Float32Array(1e7).fill(1), new Float32Array(1e7)];
    return compare(
      {
        row: "AdamW",
        work: "one step, 10⁷ parameters, one matrix",
        peer: "its 4 reads and 3 writes at memcpy's speed",
        rounds: 20,
        peerTimes: 7 / 2,
        target: { atMost: 1 },
      },
      steps(hyper(plain()), matrix(1e7)),
      local(() => to.set(from)),
    );
  },
};

/** Steps of AdamW, each with a look at the hyperparameters after it, which looks for parameters that are not finite as well, or not. */
function looks(options: HyperOptions): Contender {
  const optimizer = hyper(plain(), options);
  const { time, dispose } = steps(optimizer, vit);
  return {
    async time() {
      const started = performance.now();
      await time();
      await optimizer.hyperparameters();
      return performance.now() - started;
    },
    dispose,
  };
}

/** What looking for parameters that are not finite costs where somebody looks after every step; a step alone does not look. */
const looking = (executor: "auto" | "tfjs", by: string): Benchmark => ({
  name: `a look after every step, ${by}`,
  seconds: 2,
  run: () =>
    compare(
      question(
        `AdamW and hyperparameters(), ${by}`,
        works[3]?.work as string,
        'onNonFinite: "skip", which does not look for NaN',
        50,
        undefined,
      ),
      looks({ executor }),
      looks({ executor, onNonFinite: "skip" }),
    ),
});

/** What a tensor costs beyond its parameters: many small ones against one of the same size. */
const bookkeeping = (name: string, spec: () => Spec): Benchmark => ({
  name: `${name}, bookkeeping of a tensor`,
  seconds: 2,
  async run(): Promise<Row> {
    const small: Shapes = Array.from({ length: 200 }, (_, i) => (i % 2 ? [16] : [16, 16]));
    const measured = await compare(
      {
        row: `${name}: a tensor's bookkeeping`,
        work: "one step, 200 tensors of 16 and 256 parameters: µs a tensor beyond one matrix of their size",
        peer: "10 µs",
        rounds: 200,
      },
      steps(hyper(spec()), small),
      steps(hyper(spec()), [[272, 100]]),
    );
    const each = ((measured.oursMs as number) - (measured.peerMs as number)) / small.length;
    const ratio = each / 0.01;
    return { ...measured, oursMs: each, peerMs: 0.01, ratio, ...judged(ratio, { atMost: 1 }) };
  },
});

/** The first steps of an optimizer, which compile its kernels: measured once, before any other row, because what is compiled stays so. Loading the packages is not part of it. */
const compiling: Benchmark = {
  name: "compiling an optimizer's kernels",
  seconds: 1,
  async run(): Promise<Row> {
    const started = performance.now();
    const contender = steps(hyper(ftp(adamw({ lr: learned(1e-3, tower(0), { in: "log" }) }))), [
      [64, 32],
      [32],
      [3, 3, 8, 16],
    ]);
    await contender.time();
    await contender.time();
    const ms = performance.now() - started;
    await contender.dispose();
    const ratio = ms / 300;
    return {
      ...empty(
        "compiling all kernels of an optimizer",
        "AdamW + FTP, learned lr: building it and its first two steps, before any other row",
        "0.3 s",
      ),
      oursMs: ms,
      peerMs: 300,
      ratio,
      ...judged(ratio, { atMost: 1 }),
    };
  },
};

/** Bytes that an optimizer keeps for each parameter, beyond the parameter. */
const kept = (name: string, spec: () => Spec, bytes: number): Benchmark => ({
  name: `memory of ${name}`,
  seconds: 1,
  async run(): Promise<Row> {
    const variable = tf.variable(tf.zeros([1000, 1000]));
    const gradient = tf.ones([1000, 1000]);
    const before = tf.memory().numBytes;
    const optimizer = hyper(spec());
    for (let t = 0; t < 3; t++) optimizer.applyGradients([{ name: variable.name, tensor: gradient }]);
    const each = (tf.memory().numBytes - before) / 1e6;
    optimizer.dispose();
    tf.dispose([variable, gradient]);
    const ratio = each / bytes;
    return {
      ...empty(
        `${name}: memory beyond the parameters`,
        `10⁶ parameters: ${each.toFixed(2)} bytes a parameter`,
        `${bytes} bytes`,
      ),
      ratio,
      ...judged(ratio, { atMost: 1.001 }),
    };
  },
});

/** All rows about optimizer steps. */
export const optimizerRows: readonly Benchmark[] = [
  compiling,
  ...onAll(
    "AdamW",
    "tf.train.adam",
    () => hyper(plain()),
    () => tf.train.adam(1e-3),
    [{ faster: 7 }, { faster: 6 }, { faster: 8 }],
  ),
  memory,
  ...onAll(
    "AdamW + FTP",
    "the same by tfjs operations",
    () => hyper(projected()),
    () => hyper(projected(), { executor: "tfjs" }),
    [{ faster: 7 }, { faster: 7 }, { faster: 7 }, { faster: 10 }],
  ),
  ...onAll(
    "AdamW + FTP",
    "fused AdamW",
    () => hyper(projected()),
    () => hyper(plain()),
    every({ atMost: 1.9 }),
  ),
  ...onAll(
    "AdamW, learned lr",
    "fused AdamW",
    () => hyper(learnedLr(1)),
    () => hyper(plain()),
    every({ atMost: 1.6 }),
  ),
  ...onAll(
    "a tower of height 4 on lr",
    "height 1",
    () => hyper(learnedLr(4)),
    () => hyper(learnedLr(1)),
    every({ atMost: 1.05 }),
  ),
  looking("auto", "fused"),
  looking("tfjs", "by tfjs operations"),
  bookkeeping("AdamW", plain),
  bookkeeping("AdamW + FTP", projected),
  kept("AdamW", plain, 8),
  kept("AdamW, learned lr", () => learnedLr(1), 12),
  kept("AdamW + FTP", projected, 16),
];
