/**
 * How long a training step takes with each method: steps of all of them in turns, on the same batch, with nothing else running. (The runs themselves share the machine, so their
 * own times would compare the neighbours as much as the methods.)
 */
import "@hypergrad/wasm";
import { hyper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { CLASSES, PICTURE_SIZE } from "./data.js";
import { METHODS, type MethodName, type Settings } from "./methods.js";
import type { ModelName } from "./models/index.js";
import { BATCH, startingPoint } from "./train.js";

/** Rounds that count, and those before, to warm up. */
const ROUNDS = 25;
const WARM_UP = 5;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/**
 * Median seconds of a training step by method, on the active backend; 0 for those that take none.
 *
 * @param steps The length of a run, which schedules depend on.
 */
export async function secondsPerStep(
  model: ModelName,
  methods: readonly { readonly name: MethodName; readonly settings: Settings }[],
  steps: number,
): Promise<Partial<Record<MethodName, number>>> {
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
    for (const { net, optimizer, seconds } of contenders) {
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
  for (const { net, optimizer } of contenders) {
    optimizer.dispose();
    net.dispose();
  }
  tf.dispose([x, y]);
  return Object.fromEntries(contenders.map(({ name, seconds }) => [name, median(seconds)]));
}
