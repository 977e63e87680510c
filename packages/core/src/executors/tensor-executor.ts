/**
 * Which executor runs a step, and how a package adds one.
 *
 * Programs on tensors run on the tfjs executor, unless a faster one is registered for the active backend. It is asked anew for every
 * program, because the backend can change while a model trains; what it cannot run it hands to the tfjs executor, whose results are the same
 * within rounding.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Executor, runOnNumbers } from "./executor.js";
import { type Scalars, tfjsExecutor } from "./tfjs-executor.js";

/** Runs a program on tensors: `run` of an executor, where values that cover a whole tensor are plain numbers. */
export type Run = Executor<tf.Tensor>["run"];

/**
 * A faster way to run programs on one backend.
 *
 * @returns The outputs; undefined, with nothing changed, where it cannot run this program on these inputs.
 */
export type Acceleration = (...args: Parameters<Run>) => ReturnType<Run> | undefined;

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
  return {
    ...tfjs,
    run(program, inputs, layout, into) {
      const numbers = runOnNumbers(program, inputs, layout);
      if (numbers) return numbers;
      const acceleration = accelerated && scalars() === "host" ? accelerations.get(tf.getBackend()) : undefined;
      return acceleration?.(program, inputs, layout, into) ?? tfjs.run(program, inputs, layout);
    },
  };
}
