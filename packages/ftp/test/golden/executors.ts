/**
 * The ways to run a spec, all alike to the tests: parameters and gradients in by name, parameters and hyperparameters out.
 */
import { float64, type HyperOptions, hyper, type Spec } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import "@hypergrad/wasm";
import type { Tensor } from "./layouts.js";
import type { Precision } from "./recorded.js";

type Tensors = Readonly<Record<string, Tensor>>;

/** What an optimizer and its parameters are after a step. */
export interface State {
  readonly parameters: Tensors;
  readonly hyperparameters: Readonly<Record<string, Readonly<Record<string, number | Float32Array | Float64Array>>>>;
}

/** Runs a spec; yields the state after each step. */
type Run = (spec: Spec, parameters: Tensors, gradients: readonly Tensors[]) => AsyncGenerator<State>;

/** An executor under test. */
export interface Executor {
  readonly name: string;
  readonly precision: Precision;
  readonly run: Run;
}

async function* runFloat64(spec: Spec, parameters: Tensors, gradients: readonly Tensors[]): AsyncGenerator<State> {
  const optimizer = float64(spec, parameters);
  for (const gradient of gradients) {
    optimizer.step(Object.fromEntries(Object.entries(gradient).map(([name, { values }]) => [name, values])));
    const now = Object.entries(optimizer.parameters).map(([name, { shape, values }]) => [
      name,
      { shape, values: Array.from(values) },
    ]);
    yield { parameters: Object.fromEntries(now), hyperparameters: optimizer.hyperparameters() };
  }
}

function tfjs(backend: string, options: HyperOptions): Run {
  return async function* (spec, parameters, gradients) {
    if (!(await tf.setBackend(backend))) throw new Error(`The backend "${backend}" does not start here.`);
    const tensor = ({ shape, values }: Tensor): tf.Tensor => tf.tensor([...values], [...shape], "float32");
    const variables = Object.entries(parameters).map(([name, initial]) =>
      tf.tidy(() => tf.variable(tensor(initial), true, name)),
    );
    const optimizer = hyper(spec, options);
    try {
      for (const gradient of gradients) {
        const named = Object.entries(gradient).map(([name, values]) => ({ name, tensor: tensor(values) }));
        optimizer.applyGradients(named);
        tf.dispose(named.map((entry) => entry.tensor));
        const now = variables.map((variable) => [
          variable.name,
          { shape: variable.shape, values: Array.from(variable.dataSync()) },
        ]);
        yield { parameters: Object.fromEntries(now), hyperparameters: await optimizer.hyperparameters() };
      }
    } finally {
      optimizer.dispose();
      tf.dispose(variables);
    }
  };
}

/** All executors. */
export const executors: readonly Executor[] = [
  { name: "float64", precision: "float64", run: runFloat64 },
  { name: "tfjs on cpu", precision: "float32", run: tfjs("cpu", { scalars: "host" }) },
  { name: "tfjs on cpu, scalars on the device", precision: "float32", run: tfjs("cpu", { scalars: "device" }) },
  { name: "tfjs on wasm", precision: "float32", run: tfjs("wasm", { scalars: "host", executor: "tfjs" }) },
  { name: "fused on wasm", precision: "float32", run: tfjs("wasm", {}) },
];
