/** One run: a problem, an optimizer's spec, a number of steps. What comes back is the loss over all data and the learning rate, along the way. */
import { type HyperOptimizer, type Hyperparameters, hyper, type Spec } from "@hypergrad/core";
import { randomStream } from "@hypergrad/example-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Arrays, Problem } from "./problems/problem.js";

/** What a run leaves behind. */
export interface Trajectory {
  /** The steps at which the others were taken; 0 is before the first one. */
  readonly steps: number[];
  /** Training loss over all data; null where it is not finite. */
  readonly loss: (number | null)[];
  /** The learning rate in force, by parameter; where a parameter has several, their geometric mean. At step 0 it is the first step's. */
  readonly lr: Record<string, number[]>;
  /** Whether training came to a gradient or a loss that is not finite, and stopped there. */
  readonly diverged: boolean;
}

/** How often the loss over all data is taken in a run that is traced: this many times, and at the start. */
const TRACED = 50;

/** How a run goes. */
export interface TrainOptions {
  readonly seed: number;
  readonly steps: number;
  /** Whether loss and rate are taken along the way, which costs as much as many steps, or at the ends only. */
  readonly traced: boolean;
}

/** Rows of data for every step: each epoch in a new order, the last batch of an epoch filled from the next. */
function* batches({ rows, batch }: Problem, seed: number): Generator<Int32Array, never> {
  const order = Int32Array.from({ length: rows }, (_, i) => i);
  if (batch === rows) while (true) yield order;
  const random = randomStream(seed, "batches");
  const chosen = new Int32Array(batch);
  for (let next = rows; ; ) {
    for (let k = 0; k < batch; k++) {
      if (next === rows) {
        random.shuffle(order);
        next = 0;
      }
      chosen[k] = order[next++] as number;
    }
    yield chosen;
  }
}

function finite(arrays: Arrays): boolean {
  // NaN and the infinities, and nothing else, are not 0 times 0.
  let zero = 0;
  for (const values of Object.values(arrays)) for (let i = 0; i < values.length; i++) zero += 0 * (values[i] as number);
  return zero === 0;
}

/** The rate of a parameter; of several, the geometric mean. */
function rateOf(hyperparameters: Hyperparameters, name: string): number {
  const lr = hyperparameters[name]?.lr ?? Number.NaN;
  return typeof lr === "number" ? lr : Math.exp(lr.reduce((sum, value) => sum + Math.log(value), 0) / lr.length);
}

/** Takes a step with gradients that stay the caller's. */
function applyTo(optimizer: HyperOptimizer, variables: readonly tf.Variable[], gradients: Arrays): void {
  const given = variables.map(({ name, shape }) => ({
    name,
    tensor: tf.tensor(gradients[name] as Float32Array, shape),
  }));
  optimizer.applyGradients(given);
  tf.dispose(given.map(({ tensor }) => tensor));
}

/** Does one run, on TensorFlow.js's current backend. */
export async function train(problem: Problem, spec: Spec, { seed, steps, traced }: TrainOptions): Promise<Trajectory> {
  const names = Object.keys(problem.parameters);
  const variables = Object.entries(problem.parameters).map(([name, { shape, values }]) =>
    tf.tidy(() => tf.variable(tf.tensor(values, [...shape]), true, name)),
  );
  const gradients = Object.fromEntries(variables.map(({ name, size }) => [name, new Float32Array(size)]));
  const optimizer = hyper(spec);
  const all = Int32Array.from({ length: problem.rows }, (_, i) => i);
  const result = { steps: [] as number[], loss: [] as (number | null)[], lr: {} as Record<string, number[]> };
  for (const name of names) result.lr[name] = [];
  const here = (): Arrays =>
    Object.fromEntries(variables.map((variable) => [variable.name, variable.dataSync<"float32">()]));

  const trace = async (step: number): Promise<void> => {
    const loss = problem.loss(here(), all);
    const hyperparameters = await optimizer.hyperparameters();
    result.steps.push(step);
    result.loss.push(Number.isFinite(loss) ? loss : null);
    for (const name of names) result.lr[name]?.push(rateOf(hyperparameters, name));
  };

  const every = traced ? Math.max(1, Math.round(steps / TRACED)) : steps;
  const batch = batches(problem, seed);
  let step = 0;
  let diverged = false;
  try {
    result.steps.push(0);
    result.loss.push(problem.loss(here(), all));
    while (step < steps) {
      const loss = problem.loss(here(), batch.next().value, gradients);
      diverged = !Number.isFinite(loss) || !finite(gradients);
      if (diverged) break;
      applyTo(optimizer, variables, gradients);
      step++;
      if (step === 1) {
        const first = await optimizer.hyperparameters();
        for (const name of names) result.lr[name]?.push(rateOf(first, name));
      }
      if (step % every === 0 || step === steps) await trace(step);
    }
    if (diverged && step % every !== 0) {
      result.steps.push(step);
      result.loss.push(null);
      for (const name of names) result.lr[name]?.push(result.lr[name]?.at(-1) ?? 0);
    }
  } finally {
    optimizer.dispose();
    tf.dispose(variables);
  }
  return { ...result, diverged };
}
