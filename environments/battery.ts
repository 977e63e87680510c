/**
 * What is run in every environment: the same small trainings, from the same numbers. Their outcomes are compared by scripts/environments.mjs.
 *
 * The problem has 12 variables: more than the 8 or 10 buffers that one WebGPU kernel may be given, or than some WebGL shaders' textures.
 */
import {
  chain,
  cosine,
  decodeCheckpoint,
  encodeCheckpoint,
  groups,
  type HyperOptimizer,
  hyper,
  learned,
  type Spec,
} from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adam, adamw, clipByGlobalNorm, muon, sgd, shampoo } from "@hypergrad/optimizers";
import { setThreads } from "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";

/** The numbers that a training ends with, by what they are. */
export type Outcome = Readonly<Record<string, readonly number[]>>;

/** What ran the steps of the trainings, each once, and what it ran them instead of. */
const ran = new Set<string>();

const LAYERS = 6;
const WIDTH = 6;
const STEPS = 4;

/** Numbers in (−1, 1) from a seed. All operations are exact, so that they are the same everywhere. */
function noise(shape: readonly number[], seed: number): tf.Tensor {
  let state = seed >>> 0;
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
  return tf.tensor(values, [...shape], "float32");
}

/** A deep residual net on which nothing is close to a decision: no kink, no comparison. */
interface Problem {
  readonly variables: readonly tf.Variable[];
  readonly loss: () => tf.Scalar;
  readonly dispose: () => void;
}

function problemOf(layers = LAYERS): Problem {
  const names = Array.from({ length: layers }, (_, i) => i);
  const variable = (shape: number[], seed: number, size: number, name: string): tf.Variable =>
    tf.tidy(() => tf.variable(tf.mul(noise(shape, seed), size), true, name));
  const variables = names.flatMap((i) => [
    variable([WIDTH, WIDTH], 2 * i + 1, 0.5, `layer${i}/kernel`),
    variable([WIDTH], 2 * i + 2, 0.1, `layer${i}/bias`),
  ]);
  const inputs = noise([16, WIDTH], 101) as tf.Tensor2D;
  const targets = noise([16, WIDTH], 102);
  const loss = (): tf.Scalar => {
    let x = inputs;
    for (const i of names) {
      const z = tf.add(tf.matMul(x, variables[2 * i] as tf.Tensor2D), variables[2 * i + 1] as tf.Tensor);
      x = tf.add(x, tf.div(z, tf.sqrt(tf.add(1, tf.square(z)))));
    }
    return tf.mean(tf.square(tf.sub(x, targets)));
  };
  return { variables, loss, dispose: () => tf.dispose([...variables, inputs, targets]) };
}

const read = async (tensor: tf.Tensor): Promise<number[]> => [...(await tensor.data())];

async function stepped({ loss }: Problem, optimizer: HyperOptimizer, steps: number): Promise<number[]> {
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const value = optimizer.minimize(loss, { returnCost: true }) as tf.Scalar;
    losses.push(...(await read(value)));
    value.dispose();
  }
  return losses;
}

/** What the optimizer and the variables hold; that nothing was left out is part of it. */
async function state(optimizer: HyperOptimizer, variables: readonly tf.Variable[]): Promise<Record<string, number[]>> {
  for (const { executor, programs, reason } of optimizer.executors()) {
    // Operators are TensorFlow.js's operations wherever they are.
    if (programs.some((name) => name !== "operators")) ran.add(reason ? `${executor} (${reason})` : executor);
  }
  const { steps, hyperGradients } = await optimizer.nonFinite();
  const hyperparameters = Object.values(await optimizer.hyperparameters());
  const values = (name: string): number[] =>
    hyperparameters.flatMap((of) =>
      of[name] === undefined ? [] : typeof of[name] === "number" ? of[name] : [...of[name]],
    );
  const learnedNames = new Set(hyperparameters.flatMap((of) => Object.keys(of)));
  return {
    counts: [optimizer.iterations, steps, hyperGradients],
    variables: (await Promise.all(variables.map(read))).flat(),
    ...Object.fromEntries([...learnedNames].map((name) => [name, values(name)])),
  };
}

async function trained(spec: Spec, { layers = LAYERS, steps = STEPS } = {}): Promise<Outcome> {
  const problem = problemOf(layers);
  const optimizer = hyper(spec);
  try {
    const losses = await stepped(problem, optimizer, steps);
    return { losses, ...(await state(optimizer, problem.variables)) };
  } finally {
    optimizer.dispose();
    problem.dispose();
  }
}

const ftpSpec = (): Spec => ftp(adamw({ lr: learned(1e-2, sgd({ lr: 1e-4 })) }));

/** Interrupted after half of the steps, and gone on with by a new optimizer on new variables, from the bytes of a file. */
async function resumed(): Promise<Outcome> {
  const first = problemOf();
  const interrupted = hyper(ftpSpec());
  const before = await stepped(first, interrupted, STEPS / 2);
  const file = encodeCheckpoint(await interrupted.checkpoint());
  const values = await Promise.all(first.variables.map(read));
  interrupted.dispose();
  first.dispose();

  const second = problemOf();
  second.variables.forEach((variable, i) => {
    const value = tf.tensor(values[i] as number[], variable.shape);
    variable.assign(value);
    value.dispose();
  });
  const optimizer = hyper(ftpSpec());
  try {
    optimizer.restore(decodeCheckpoint(file));
    const losses = [...before, ...(await stepped(second, optimizer, STEPS / 2))];
    return { losses, ...(await state(optimizer, second.variables)) };
  } finally {
    optimizer.dispose();
    second.dispose();
  }
}

/** A layers model, compiled with the optimizer and fitted. */
async function fitted(): Promise<Outcome> {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: "same", activation: "tanh", inputShape: [8, 8, 2] }),
      tf.layers.batchNormalization(),
      tf.layers.averagePooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: "softmax" }),
    ],
  });
  const trainable = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  // Gamma, beta and the biases begin as layers do.
  tf.tidy(() => {
    const begin = (weight: tf.Tensor, i: number) =>
      weight.rank > 1 ? tf.mul(noise(weight.shape, 200 + i), 0.3) : weight;
    model.setWeights(model.getWeights().map(begin));
  });
  const optimizer = hyper(ftp(adamw({ lr: learned(1e-2, sgd({ lr: 1e-4 })), weightDecay: 0.01 })));
  model.compile({ optimizer, loss: "categoricalCrossentropy" });
  const inputs = noise([32, 8, 8, 2], 301);
  const classes = Array.from({ length: 32 }, (_, i) => (i * i) % 3);
  const targets = tf.tidy(() => tf.oneHot(tf.tensor1d(classes, "int32"), 3));
  try {
    // A page that nobody looks at is not drawn, and a fit that waits for its next frame does not go on.
    const { history } = await model.fit(inputs, targets, {
      epochs: 2,
      batchSize: 16,
      shuffle: false,
      yieldEvery: "never",
    });
    const moving = model.getWeights().slice(trainable.length);
    return {
      losses: history.loss as number[],
      ...(await state(optimizer, trainable)),
      moving: (await Promise.all(moving.map(read))).flat(),
    };
  } finally {
    optimizer.dispose();
    model.dispose();
    tf.dispose([inputs, targets]);
  }
}

const muonSpec = (): Spec =>
  groups([[/kernel$/, muon({ momentum: learned(0.9, sgd({ lr: 1e-3 }), { in: "logit" }) })]], adamw());

const FEW = { layers: 1, steps: 2 };

const trainings: Readonly<Record<string, () => Promise<Outcome>>> = {
  "FTP with a learned rate": () => trained(ftpSpec()),
  "a tower": () => trained(adamw({ lr: learned(1e-2, sgd({ lr: learned(1e-4, sgd({ lr: 1e-6 })) })) })),
  "a clipped Adam": () =>
    trained(chain(clipByGlobalNorm({ maxNorm: 0.5 }), adam({ lr: cosine(1e-2, { steps: 2 * STEPS }) }))),
  // Their iterations are hundreds of matrix products for each axis, which a GPU in software takes its time for.
  "Muon with a learned momentum": () => trained(muonSpec(), FEW),
  Shampoo: () => trained(groups([[/bias$/, shampoo({ eps: 1e-2 })]], adamw()), FEW),
  "a layers model": fitted,
  "a checkpoint resumed": resumed,
};

/** Runs all trainings: their outcomes, and what ran their steps. */
export async function runBattery(): Promise<{ outcomes: Record<string, Outcome>; executors: string[] }> {
  const outcomes: Record<string, Outcome> = {};
  for (const [name, training] of Object.entries(trainings)) {
    const { numTensors } = tf.memory();
    outcomes[name] = { ...(await training()), leaked: [tf.memory().numTensors - numTensors] };
  }
  return { outcomes, executors: [...ran] };
}

/**
 * A step that would have to read from a device that cannot be waited for is refused before anything changes.
 *
 * @throws Error where it is not.
 */
export function checkRefusal(): void {
  const { loss, dispose } = problemOf();
  const { numTensors } = tf.memory();
  const optimizer = hyper(ftpSpec(), { scalars: "host" });
  let message = "nothing";
  try {
    optimizer.minimize(loss);
  } catch (error) {
    message = (error as Error).message;
  }
  const left = tf.memory().numTensors - numTensors;
  if (!message.includes('scalars is "host"') || optimizer.iterations !== 0 || left !== 0) {
    throw new Error(
      `scalars: "host" gives ${message}, after ${optimizer.iterations} steps and with ${left} tensors left behind`,
    );
  }
  optimizer.dispose();
  dispose();
}

/**
 * The heap of the WASM backend is guarded, in its build for threads too.
 *
 * @throws Error where it is not.
 */
export function checkHeap(): void {
  let message = "nothing";
  try {
    // It may be put off until it is asked for.
    tf.fill([2 ** 30 + 1], 0).dataSync();
  } catch (error) {
    message = (error as Error).message;
  }
  if (!message.includes("The WASM heap is full: there is no room for 4096.0 MiB more"))
    throw new Error(`a tensor of more than 4 GiB gives ${message}`);
}

/** A product that is large enough for several threads has the bits that it has on one. */
export async function checkThreads(count: number): Promise<void> {
  const [a, b] = [noise([300, 301], 1), noise([301, 302], 2)];
  const product = (): Float32Array => tf.tidy(() => tf.matMul(a, b).dataSync() as Float32Array);
  const several = Array.from({ length: 20 }, product);
  await setThreads(1);
  const one = product();
  await setThreads(count);
  tf.dispose([a, b]);
  if (several.some((values) => values.some((value, i) => value !== one[i])))
    throw new Error(`a product on ${count} threads has other bits than on one`);
}
