/**
 * Runs of an optimizer on a problem, in float64 and on TensorFlow.js, step by step, in one form.
 */

import * as tf from "@tensorflow/tfjs-core";
import type { Executor, Value } from "../executors/executor.js";
import type { Array64 } from "../executors/float64-executor.js";
import { input, sum } from "../expression/expression.js";
import { compile } from "../expression/program.js";
import { HyperOptimizer } from "../optimizer/hyper-optimizer.js";
import type { HyperOptions } from "../optimizer/hyper-options.js";
import { type Spec, withChannelAxis } from "../rule/spec.js";
import type { Cell, Update } from "../tower/cell.js";
import { Level } from "../tower/level.js";
import { readingsOf } from "../tower/readings.js";
import { oracle, towerOf } from "./oracle.js";
import type { Problem } from "./problems.js";

/** Numbers by what they are: `a` for a parameter, `a.lr` for a hyperparameter. */
export type Snapshot = Readonly<Record<string, ArrayLike<number>>>;

/** One snapshot for each step. */
export type Trace = readonly Snapshot[];

const numbers = (value: number | ArrayLike<number>): ArrayLike<number> => (typeof value === "number" ? [value] : value);

function snapshot(
  parameters: Readonly<Record<string, ArrayLike<number>>>,
  hyperparameters: Readonly<Record<string, Readonly<Record<string, number | ArrayLike<number>>>>>,
): Snapshot {
  const result: Record<string, ArrayLike<number>> = { ...parameters };
  for (const [variable, values] of Object.entries(hyperparameters)) {
    for (const [name, value] of Object.entries(values)) result[`${variable}.${name}`] = numbers(value);
  }
  return result;
}

/** The steps in float64. */
export function traceFloat64(spec: Spec, { variables, channelAxis, steps, gradients }: Problem): Trace {
  const optimizer = oracle(spec, Object.fromEntries(variables.map((variable) => [variable.name, variable])), {
    channelAxis,
  });
  return Array.from({ length: steps }, (_, t) => {
    optimizer.step(gradients(t));
    const values = Object.entries(optimizer.parameters).map(([name, p]) => [name, p.values] as const);
    return snapshot(Object.fromEntries(values), optimizer.hyperparameters());
  });
}

/** 0 where all of x is finite: on the device an array, with which every step is masked. */
const probe = compile({ probed: sum(input("x", "element").sub(input("x", "element")), "tensor") });

/** The steps on another executor of the same kind of arrays. */
export function traceOn(executor: Executor<Array64>, spec: Spec, problem: Problem): Trace {
  const level = new Level(towerOf(executor), withChannelAxis(spec, problem.channelAxis));
  const parameters = new Map(problem.variables.map((variable) => [variable.name, executor.load(variable)]));
  for (const [name, p] of parameters) level.adopt(level.createCell(name, p.shape, p));
  const plain = (value: Value<Array64>) => (typeof value === "number" ? value : value.values);
  return Array.from({ length: problem.steps }, (_, t) => {
    level.schedule();
    const gradients = problem.gradients(t);
    const present = [...parameters].filter(([name]) => gradients[name]);
    const updates = present.map(([name, p]) => {
      const cell = level.cells.get(name) as Cell<Array64>;
      const g = executor.load({ shape: p.shape, values: gradients[name] as Float64Array });
      const { probed } = executor.run(probe, { x: g }, cell.layout);
      return { cell, p, g, probed: typeof probed === "number" ? undefined : probed };
    });
    level
      .step(updates)()
      .forEach((p, i) => {
        const { name, layout } = (updates[i] as Update<Array64>).cell;
        parameters.set(name, executor.spread(p, layout.shape));
      });
    return snapshot(
      Object.fromEntries([...parameters].map(([name, p]) => [name, p.values])),
      Object.fromEntries(
        [...level.cells.values()].map((cell) => [
          cell.name,
          Object.fromEntries([...readingsOf(level, cell)].map(([name, { value }]) => [name, plain(value)])),
        ]),
      ),
    );
  });
}

/** Variables of TensorFlow.js with an optimizer at work on them. */
export interface Bench {
  readonly optimizer: HyperOptimizer;
  readonly variables: readonly tf.Variable[];
  /** One step, in the order of the gradients. */
  readonly step: (gradients: Readonly<Record<string, ArrayLike<number> | null>>) => void;
  /** What there is to see at this moment. */
  readonly look: () => Promise<Snapshot>;
  readonly dispose: () => void;
}

/** Builds the variables and the optimizer; `prefix` keeps the names of several benches apart. */
export function bench(spec: Spec, problem: Problem, options: HyperOptions & { prefix?: string } = {}): Bench {
  const { prefix = "", ...rest } = options;
  const named = (name: string): string => `${prefix}${name}`;
  const channelAxis = Object.fromEntries(
    Object.entries(problem.channelAxis).map(([name, axes]) => [named(name), axes]),
  );
  // Not by `hyper`, which would warn of every hyperparameter that a drawn spec keeps from moving.
  // What drawn learners make of parameters is looked at by the checks themselves.
  const optimizer = new HyperOptimizer(spec, { channelAxis, onNonFinite: "skip", ...rest });
  const variables = problem.variables.map(({ name, shape, values }) =>
    tf.tidy(() => tf.variable(tf.tensor(values, [...shape], "float32"), true, named(name))),
  );
  const unprefixed = <T>(record: Record<string, T>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name.slice(prefix.length), value]));
  return {
    optimizer,
    variables,
    step(gradients) {
      const given = Object.entries(gradients).flatMap(([name, g]) => {
        const variable = variables.find((each) => each.name === named(name)) as tf.Variable;
        return g ? [{ name: variable.name, tensor: tf.tensor(Float32Array.from(g), variable.shape, "float32") }] : [];
      });
      try {
        // Both forms, in turn.
        const byName = Object.fromEntries(given.map(({ name, tensor }) => [name, tensor]));
        optimizer.applyGradients(optimizer.iterations % 2 ? byName : given);
      } finally {
        tf.dispose(given.map(({ tensor }) => tensor));
      }
    },
    async look() {
      const hyperparameters = unprefixed(await optimizer.hyperparameters());
      // A copy: the cpu backend hands out the tensor's own array.
      const values = variables.map((variable) => [variable.name, Float32Array.from(variable.dataSync())]);
      return snapshot(unprefixed(Object.fromEntries(values)), hyperparameters);
    },
    dispose() {
      optimizer.dispose();
      tf.dispose([...variables]);
    },
  };
}

/** The steps on the backend of TensorFlow.js that is active. */
export async function traceTfjs(spec: Spec, problem: Problem, options: HyperOptions = {}): Promise<Trace> {
  const { step, look, dispose } = bench(spec, problem, options);
  const trace: Snapshot[] = [];
  try {
    for (let t = 0; t < problem.steps; t++) {
      step(problem.gradients(t));
      trace.push(await look());
    }
    return trace;
  } finally {
    dispose();
  }
}
