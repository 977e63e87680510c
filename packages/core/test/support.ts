/**
 * What the tests share: backends, variables and gradients from a seed, small rules, and a way to hold an error against what it must say.
 */
import { type HyperOptimizer, nonNegative, rule, unitInterval } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { expect } from "vitest";

// Most of what is tested does not depend on the backend.
await tf.setBackend("cpu");

/** The backends on which it matters. */
export const backends = ["cpu", "wasm"] as const;

/** Numbers in [0, 1) from a seed (mulberry32). */
function random(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x ^= x + Math.imul(x ^ (x >>> 7), 61 | x);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Float32 numbers in (−1, 1) from a seed. */
export function noise(size: number, seed: number): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length: size }, () => 2 * next() - 1);
}

/** A tensor of noise. */
export function noiseOf(shape: readonly number[], seed: number): tf.Tensor {
  return tf.tensor(
    noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    [...shape],
  );
}

/** New variables of noise by name. */
export function variables<Name extends string>(
  shapes: Readonly<Record<Name, readonly number[]>>,
  seed = 1,
): Record<Name, tf.Variable> {
  const entries = Object.entries<readonly number[]>(shapes).map(([name, shape], i) => {
    const value = noiseOf(shape, 1000 * seed + i);
    const variable = tf.variable(value, true, name);
    value.dispose();
    return [name, variable];
  });
  return Object.fromEntries(entries);
}

/** Takes one step with gradients of noise for these variables. */
export function step(optimizer: tf.Optimizer, variables: Readonly<Record<string, tf.Variable>>, seed: number): void {
  const gradients = Object.values(variables).map(({ name, shape }, i) => ({
    name,
    tensor: noiseOf(shape, 1000 * seed + 500 + i),
  }));
  try {
    optimizer.applyGradients(gradients);
  } finally {
    tf.dispose(gradients.map(({ tensor }) => tensor));
  }
}

/** The values of variables by name. */
export function valuesOf(variables: Readonly<Record<string, tf.Variable>>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(variables).map(([name, variable]) => [name, [...variable.dataSync()]]));
}

/** θ − αg: the smallest rule. */
export const descent = rule({
  name: "descent",
  hyperparameters: { lr: nonNegative(0.1) },
  state: {},
  update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
});

/** θ − αm with m ← βm + g: a rule with state and two hyperparameters. */
export const averaged = rule({
  name: "averaged",
  hyperparameters: { lr: nonNegative(0.1), decay: unitInterval(0.5) },
  state: { m: 0 },
  update({ p, g, m, lr, decay }) {
    const next = m.mul(decay).add(g);
    return { p: p.sub(next.mul(lr)), m: next };
  },
});

/** Expects an error whose message has each of these parts: the argument, its value, the remedy. */
export function refuses(act: () => unknown, ...parts: readonly string[]): void {
  let message: string | undefined;
  try {
    act();
  } catch (error) {
    message = (error as Error).message;
  }
  expectParts(message, parts);
}

/** `refuses` for what returns a promise. */
export async function refusesLater(act: () => Promise<unknown>, ...parts: readonly string[]): Promise<void> {
  const message = await act().then(
    () => undefined,
    (error: Error) => error.message,
  );
  expectParts(message, parts);
}

function expectParts(message: string | undefined, parts: readonly string[]): void {
  expect(message, "there was no error").toBeDefined();
  for (const part of parts) expect(message).toContain(part);
}

/** Everything that a step could have changed. */
async function snapshot(optimizer: HyperOptimizer, variables: Readonly<Record<string, tf.Variable>>) {
  return {
    parameters: valuesOf(variables),
    remembered: await optimizer.checkpoint(),
    hyperparameters: await optimizer.hyperparameters(),
    iterations: optimizer.iterations,
  };
}

/** Expects an error with these parts, after which parameters, state, hyperparameters and the number of tensors are what they were. */
export async function refusesUnchanged(
  optimizer: HyperOptimizer,
  variables: Readonly<Record<string, tf.Variable>>,
  act: () => unknown,
  ...parts: readonly string[]
): Promise<void> {
  const before = await snapshot(optimizer, variables);
  const { numTensors } = tf.memory();
  await refusesLater(async () => act(), ...parts);
  expect(tf.memory().numTensors, "number of tensors").toBe(numTensors);
  expect(await snapshot(optimizer, variables)).toEqual(before);
}
