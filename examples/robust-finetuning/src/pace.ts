/**
 * How long a training step takes with each method: steps of all of them in turns, on the same batch, after the runs. (The runs share the machine, so their own times would compare the
 * neighbours as much as the methods.) Methods are compared round by round, and each goes first as often as the others, so that what slows a round slows all.
 */
import "@hypergrad/wasm";
import { type HyperOptimizer, hyper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { CLASSES, PICTURE_SIZE } from "./data.js";
import { METHODS, type MethodName, type Settings } from "./methods.js";
import type { ModelName } from "./models/index.js";
import { median } from "./statistics.js";
import { BATCH, startingPoint } from "./train.js";

/** Rounds that count, and those before, to warm up. */
const ROUNDS = 40;
const WARM_UP = 5;

/** What ran the steps of these optimizers, in words, and why nothing faster did. */
function executorsOf(optimizers: readonly HyperOptimizer[]): string {
  const texts = optimizers.flatMap((optimizer) =>
    optimizer.executors().map(({ executor, reason }) => (reason ? `${executor} (${reason})` : executor)),
  );
  return [...new Set(texts)].join("; ") || "none";
}

/** What a training step takes. */
export interface Pace {
  /** Median seconds; 0 where no steps are taken. */
  readonly seconds: number;
  /** By how much it takes longer than a step of plain fine-tuning, as a share: the median over the rounds; null where there is nothing to compare. */
  readonly overhead: number | null;
}

/**
 * The pace of every method that takes steps, on the active backend, and what runs them there.
 *
 * @param steps The length of a run, which schedules depend on.
 */
export async function paceOf(
  model: ModelName,
  methods: readonly { readonly name: MethodName; readonly settings: Settings }[],
  steps: number,
): Promise<{ pace: Partial<Record<MethodName, Pace>>; executors: string }> {
  const x = tf.randomUniform([BATCH, PICTURE_SIZE, PICTURE_SIZE, 3], -1, 1, "float32", 1) as tf.Tensor4D;
  const y = tf.tidy(() =>
    tf.oneHot(
      Array.from({ length: BATCH }, (_, i) => i % CLASSES.length),
      CLASSES.length,
    ),
  );
  const contenders = methods.flatMap(({ name, settings }) => {
    const spec = METHODS[name].spec?.(settings, steps);
    return spec ? [{ name, net: startingPoint(model), optimizer: hyper(spec), seconds: [] as number[] }] : [];
  });
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const which = (turn + round + WARM_UP) % contenders.length;
      const { net, optimizer, seconds } = contenders[which] as (typeof contenders)[number];
      const started = performance.now();
      const loss = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(y, net.forward(x)),
        true,
        Object.values(net.variables),
      ) as tf.Scalar;
      await loss.data();
      if (round >= 0) seconds.push((performance.now() - started) / 1000);
      loss.dispose();
    }
  }
  const executors = executorsOf(contenders.map(({ optimizer }) => optimizer));
  for (const { net, optimizer } of contenders) {
    optimizer.dispose();
    net.dispose();
  }
  tf.dispose([x, y]);
  const plain = contenders.find(({ name }) => name === "adamw");
  const paces = Object.fromEntries(
    contenders.map(({ name, seconds }): [MethodName, Pace] => {
      const ratios = plain && name !== "adamw" ? seconds.map((s, i) => s / (plain.seconds[i] as number)) : undefined;
      return [name, { seconds: median(seconds), overhead: ratios ? median(ratios) - 1 : null }];
    }),
  );
  return { pace: paces, executors };
}
