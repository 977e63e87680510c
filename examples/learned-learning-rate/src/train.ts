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

/** The variables of a run, with the optimizer at work on them, and what is written down of it. */
class Run {
  readonly steps: number[] = [];
  readonly loss: (number | null)[] = [];
  readonly lr: Record<string, number[]>;
  private readonly problem: Problem;
  private readonly variables: readonly tf.Variable[];
  private readonly gradients: Arrays;
  private readonly optimizer: HyperOptimizer;
  private readonly all: Int32Array;

  constructor(problem: Problem, spec: Spec) {
    this.problem = problem;
    this.variables = Object.entries(problem.parameters).map(([name, { shape, values }]) =>
      tf.tidy(() => tf.variable(tf.tensor(values, [...shape]), true, name)),
    );
    this.gradients = Object.fromEntries(this.variables.map(({ name, size }) => [name, new Float32Array(size)]));
    this.lr = Object.fromEntries(this.variables.map(({ name }) => [name, []]));
    this.all = Int32Array.from({ length: problem.rows }, (_, i) => i);
    this.optimizer = hyper(spec);
  }

  private here(): Arrays {
    return Object.fromEntries(this.variables.map((variable) => [variable.name, variable.dataSync<"float32">()]));
  }

  /** One step; false where a loss, a gradient or a parameter is not finite. */
  step(rows: Int32Array): boolean {
    const { gradients, problem } = this;
    const loss = problem.loss(this.here(), rows, gradients);
    if (!Number.isFinite(loss) || !finite(gradients)) return false;
    applyTo(this.optimizer, this.variables, gradients);
    return true;
  }

  /** Writes the loss over all data down. */
  traceLoss(step: number): void {
    const loss = this.problem.loss(this.here(), this.all);
    this.steps.push(step);
    this.loss.push(Number.isFinite(loss) ? loss : null);
  }

  /** Writes the rates down; where parameters have overflowed, the optimizer tells none, and they are what they were. */
  async traceRates(): Promise<void> {
    const known = finite(this.here()) ? await this.optimizer.hyperparameters() : undefined;
    for (const [name, rates] of Object.entries(this.lr)) {
      rates.push(known ? rateOf(known, name) : (rates.at(-1) ?? 0));
    }
  }

  /** Writes down that there is no loss any more. */
  traceEnd(step: number): void {
    this.steps.push(step);
    this.loss.push(null);
    for (const rates of Object.values(this.lr)) rates.push(rates.at(-1) ?? 0);
  }

  dispose(): void {
    this.optimizer.dispose();
    tf.dispose([...this.variables]);
  }
}

/** Does one run, on TensorFlow.js's current backend. */
export async function train(problem: Problem, spec: Spec, { seed, steps, traced }: TrainOptions): Promise<Trajectory> {
  const run = new Run(problem, spec);
  const every = traced ? Math.max(1, Math.round(steps / TRACED)) : steps;
  const batch = batches(problem, seed);
  let step = 0;
  let diverged = false;
  try {
    run.traceLoss(0);
    while (step < steps) {
      diverged = !run.step(batch.next().value);
      if (diverged) break;
      step++;
      if (step === 1) await run.traceRates();
      if (step % every !== 0 && step !== steps) continue;
      run.traceLoss(step);
      await run.traceRates();
    }
    if (diverged && step % every !== 0) run.traceEnd(step);
  } finally {
    run.dispose();
  }
  const { loss, lr } = run;
  return { steps: run.steps, loss, lr, diverged };
}
