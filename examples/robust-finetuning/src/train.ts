/**
 * One run: one method from one seed. A seed decides the training, validation and test pictures and the order of the batches, so that methods with
 * the same seed differ in nothing but the method.
 */

import { hyper } from "@hypergrad/core";
import { randomStream } from "@hypergrad/example-kit";
import * as tf from "@tensorflow/tfjs";
import { CLASSES, DOMAINS, drawDomain, FINETUNED, type LabelledPictures, type Split } from "./data.js";
import { METHODS, type MethodName, type Settings } from "./methods.js";
import { createModel, type Model, zeroHead } from "./model.js";
import { MODELS, type ModelName } from "./models/index.js";
import { accuracyOf, batches, featuresOf, tensorOf } from "./pictures.js";
import { pretrainedWeights } from "./pretrained.js";
import { fitProbe } from "./probe.js";
import type { CurvePoint, Run } from "./result.js";
import { mean } from "./statistics.js";
import { createTracer } from "./trace.js";

/** Pictures of every class: to train on, to choose by, and to test on in every domain. */
export const PER_CLASS = { train: 20, validation: 100, test: 50, curve: 4 };

/** Pictures in a batch. */
export const BATCH = 32;

/** How one run goes. */
export interface RunOptions {
  readonly model: ModelName;
  readonly method: MethodName;
  readonly seed: number;
  readonly settings: Settings;
  readonly steps: number;
  /** "choose" looks at the validation pictures of the fine-tuning domain alone, at the end; "test" at the test pictures of all domains, and at some others while it trains. */
  readonly purpose: "choose" | "test";
  /** How often it is watched while it trains, in steps. */
  readonly evaluateEvery: number;
  /** How often radii and distances are traced, in steps. */
  readonly traceEvery: number;
}

/** What a run found. */
export interface RunResult extends Run {
  /** Accuracy on the fine-tuning domain's validation pictures; only where the purpose is to choose. */
  validation?: number;
}

/** The pictures drawn for the present seed: a worker does several methods with the same ones. */
const drawn = new Map<string, LabelledPictures>();
let drawnSeed: number | undefined;

function draw(domain: string, split: Split, seed: number, perClass: number): LabelledPictures {
  if (seed !== drawnSeed) drawn.clear();
  drawnSeed = seed;
  const key = `${domain} ${split} ${perClass}`;
  const pictures = drawn.get(key) ?? drawDomain(domain, split, { seed, perClass });
  drawn.set(key, pictures);
  return pictures;
}

/** Mean accuracy over the domains other than the one that is fine-tuned on. */
function shiftedAccuracy(accuracy: Readonly<Record<string, number>>): number {
  return mean(DOMAINS.filter(({ name }) => name !== FINETUNED).map(({ name }) => accuracy[name] as number));
}

function accuracies(model: Model, { seed }: RunOptions, split: Split, perClass: number): Record<string, number> {
  return Object.fromEntries(DOMAINS.map(({ name }) => [name, accuracyOf(model, draw(name, split, seed, perClass))]));
}

/** The pre-trained model with a new head, as every run begins. */
export function startingPoint(model: ModelName): Model {
  const classes = CLASSES.length;
  return createModel({ ...pretrainedWeights(model), ...zeroHead(classes) }, { architecture: MODELS[model], classes });
}

/**
 * Trains and tests one method from one seed.
 *
 * @param onStep Told after every step how many have been taken.
 */
export async function run(options: RunOptions, onStep: (step: number) => void): Promise<RunResult> {
  const { method, seed } = options;
  const model = startingPoint(options.model);
  const spec = METHODS[method].spec?.(options.settings, options.steps);
  try {
    const trained = spec ? await train(model, spec, options, onStep) : probe(model, options);
    if (options.purpose === "choose") {
      const validation = accuracyOf(model, draw(FINETUNED, "validation", seed, PER_CLASS.validation));
      return { seed, accuracy: {}, validation, ...trained };
    }
    return { seed, accuracy: accuracies(model, options, "test", PER_CLASS.test), ...trained };
  } finally {
    model.dispose();
  }
}

type Trained = Pick<Run, "curve" | "traced" | "layers" | "lr">;

/** Fits the head on frozen features. */
function probe(model: Model, { seed, settings }: RunOptions): Trained {
  const pictures = draw(FINETUNED, "train", seed, PER_CLASS.train);
  const head = fitProbe(featuresOf(model, pictures), pictures.labels, {
    classes: CLASSES.length,
    l2: settings.l2 as number,
  });
  for (const [name, { shape, values }] of Object.entries(head)) {
    tf.tidy(() => model.variables[name]?.assign(tf.tensor(values, [...shape])));
  }
  return { curve: [], traced: [], layers: {}, lr: [] };
}

/** One step on a batch; returns the loss before it. */
async function stepOn(
  model: Model,
  optimizer: ReturnType<typeof hyper>,
  variables: tf.Variable[],
  pictures: LabelledPictures,
  indices: number[],
): Promise<number> {
  const x = tensorOf(pictures, indices);
  const y = tf.tidy(() =>
    tf.oneHot(
      indices.map((i) => pictures.labels[i] as number),
      CLASSES.length,
    ),
  );
  const loss = optimizer.minimize(
    () => tf.losses.softmaxCrossEntropy(y, model.forward(x)),
    true,
    variables,
  ) as tf.Scalar;
  const value = (await loss.data())[0] as number;
  tf.dispose([x, y, loss]);
  return value;
}

async function train(
  model: Model,
  spec: Parameters<typeof hyper>[0],
  options: RunOptions,
  onStep: (step: number) => void,
): Promise<Trained> {
  const { seed, steps, purpose, evaluateEvery, traceEvery } = options;
  const pictures = draw(FINETUNED, "train", seed, PER_CLASS.train);
  const optimizer = hyper(spec);
  const variables = Object.values(model.variables);
  const tracer = createTracer(model, pretrainedWeights(options.model));
  const order = batches(pictures.labels.length, BATCH, randomStream(seed, "batches"));
  const curve: CurvePoint[] = [];
  let losses: number[] = [];

  for (let step = 1; step <= steps; step++) {
    losses.push(await stepOn(model, optimizer, variables, pictures, order.next().value as number[]));
    if (step === 1 || step % traceEvery === 0 || step === steps) tracer.add(step, await optimizer.hyperparameters());
    if (purpose === "test" && (step % evaluateEvery === 0 || step === steps)) {
      const accuracy = accuracies(model, options, "validation", PER_CLASS.curve);
      curve.push({
        step,
        trainLoss: mean(losses),
        validation: accuracy[FINETUNED] as number,
        shifted: shiftedAccuracy(accuracy),
      });
      losses = [];
    }
    onStep(step);
  }
  optimizer.dispose();
  return {
    curve,
    traced: tracer.steps,
    layers: tracer.layers,
    lr: tracer.lr,
  };
}
