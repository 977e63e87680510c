/**
 * Which executor runs a step, and how a package adds one.
 *
 * Programs on tensors run on the tfjs executor, unless a faster one is registered for the active backend. It is asked anew for every
 * program, because the backend can change while a model trains; what it cannot run it hands to the tfjs executor, whose results are the same
 * within rounding.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Executor, type Prepared, runOnNumbers, type Value } from "./executor.js";
import { type Scalars, tfjsExecutor } from "./tfjs-executor.js";

/**
 * A faster way to run programs on one backend, where values that cover a whole tensor are plain numbers: `prepare` of an executor, to which `into` can be empty.
 *
 * @returns Undefined, with nothing changed, where it cannot run this program on these inputs.
 */
export type Acceleration = NonNullable<Executor<tf.Tensor>["prepare"]>;

/** For an acceleration that runs a program when it is asked, and writes over nothing: its outputs, which are new, as what it made ready. */
export function ranAlready(outputs: Record<string, Value<tf.Tensor>>): Prepared<tf.Tensor> {
  const arrays = Object.values(outputs).filter((value) => typeof value !== "number");
  let over = false;
  return {
    array(name) {
      const value = outputs[name];
      return typeof value === "number" ? undefined : value;
    },
    run() {
      over = true;
      return outputs;
    },
    drop() {
      if (!over) tf.dispose(arrays);
      over = true;
    },
  };
}

const nothing = {};

const accelerations = new Map<string, Acceleration>();

/**
 * Registers the executor of a backend; an earlier one for the same backend is replaced.
 *
 * @param backendName As `tf.getBackend()` returns it.
 */
export function accelerate(backendName: string, acceleration: Acceleration): void {
  accelerations.set(backendName, acceleration);
}

/** True where an executor is registered for the backend. */
export function isAccelerated(backendName: string): boolean {
  return accelerations.has(backendName);
}

/**
 * The executor of tensors: numbers are computed in float64, arrays by the registered executor of the active backend where there is one and `scalars` is "host", else by
 * tfjs operations.
 *
 * @param scalars Where values that cover a whole tensor live, asked at every run.
 * @param accelerated False to use tfjs operations alone.
 */
export function tensorExecutor(scalars: () => Scalars, accelerated: boolean): Executor<tf.Tensor> {
  const tfjs = tfjsExecutor(scalars);
  const prepare: Acceleration = (...call) => {
    const acceleration = accelerated && scalars() === "host" ? accelerations.get(tf.getBackend()) : undefined;
    return acceleration?.(...call);
  };
  return {
    ...tfjs,
    run: (program, inputs, layout) =>
      runOnNumbers(program, inputs, layout) ??
      prepare(program, inputs, layout, nothing)?.run() ??
      tfjs.run(program, inputs, layout),
    prepare,
  };
}
