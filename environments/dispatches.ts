/**
 * How many kernels of the GPU a step takes: the table in `docs/guide/gpu.md`. Counted where they leave TensorFlow.js, in the backend.
 */
import { hyper, learned, type Spec } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";

const learnedRate = () => learned(1e-3, sgd({ lr: 1e-6 }));
const specs: Readonly<Record<string, () => Spec>> = {
  "sgd()": () => sgd(),
  "adam()": () => adam(),
  "adamw()": () => adamw(),
  "adamw({ lr: learned(…) })": () => adamw({ lr: learnedRate() }),
  "ftp(adamw())": () => ftp(adamw()),
  "ftp(adamw({ lr: learned(…) }))": () => ftp(adamw({ lr: learnedRate() })),
};
const optimizers: Readonly<Record<string, () => tf.Optimizer>> = {
  "tf.train.adam()": () => tf.train.adam(),
  ...Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, () => hyper(spec())])),
};

/** The methods of the backends that hand one kernel to the GPU. */
const methods = { webgpu: "runWebGPUProgram", webgl: "runWebGLProgram" } as const;

/** Counts the kernels that `f` starts on the active backend. */
function counted(backend: keyof typeof methods, f: () => void): number {
  const owner = tf.backend() as unknown as Record<string, (...args: unknown[]) => unknown>;
  const method = methods[backend];
  const original = owner[method] as (...args: unknown[]) => unknown;
  let count = 0;
  owner[method] = function (...args) {
    count++;
    return original.apply(this, args);
  };
  try {
    f();
  } finally {
    delete owner[method];
  }
  return count;
}

/** Kernels of one step on 20 variables, half of them matrices, by optimizer; gradients are given, and the first step has been taken. */
export function countDispatches(backend: keyof typeof methods): Record<string, number> {
  const shapes = Array.from({ length: 20 }, (_, i) => (i % 2 ? [4] : [4, 4]));
  const variables = shapes.map((shape, i) => tf.variable(tf.fill(shape, 0.5 + i), true, `dispatched${i}`));
  const gradients = Object.fromEntries(variables.map(({ name, shape }) => [name, tf.ones(shape)]));
  const counts = Object.entries(optimizers).map(([name, make]) => {
    const optimizer = make();
    optimizer.applyGradients(gradients);
    const count = counted(backend, () => optimizer.applyGradients(gradients));
    optimizer.dispose();
    return [name, count] as const;
  });
  tf.dispose([variables, gradients]);
  return Object.fromEntries(counts);
}
