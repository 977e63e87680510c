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
import { OPERATIONS, Uses } from "./uses.js";

/**
 * A faster way to run programs on one backend, where values that cover a whole tensor are plain numbers: `prepare` of an executor, to which `into` can be empty.
 *
 * @returns The reason, or undefined, with nothing changed, where it cannot run this program on these inputs.
 */
export type Acceleration = (
  ...call: Parameters<NonNullable<Executor<tf.Tensor>["prepare"]>>
) => Prepared<tf.Tensor> | string | undefined;

interface Registered {
  readonly acceleration: Acceleration;
  readonly called: string;
}

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

const accelerations = new Map<string, Registered>();

/**
 * Registers the executor of a backend; an earlier one for the same backend is replaced.
 *
 * @param backendName As `tf.getBackend()` returns it.
 * @param called What people know it by.
 */
export function accelerate(
  backendName: string,
  acceleration: Acceleration,
  called = `kernels for the backend ${backendName}`,
): void {
  accelerations.set(backendName, { acceleration, called });
}

/** True where an executor is registered for the backend. */
export function isAccelerated(backendName: string): boolean {
  return accelerations.has(backendName);
}

/** Why nothing is registered for the active backend. */
function noneText(): string {
  const backend = tf.getBackend();
  const remedy = backend === "wasm" ? '; import "@hypergrad/wasm", where WebAssembly has SIMD' : "";
  return `nothing faster is registered for the backend ${backend}${remedy}`;
}

/**
 * The executor of tensors: numbers are computed in float64, arrays by the registered executor of the active backend where there is one and `scalars` is "host", else by
 * tfjs operations.
 *
 * @param scalars Where values that cover a whole tensor live, asked at every run.
 * @param accelerated False to use tfjs operations alone.
 * @param uses Is told what runs.
 */
export function tensorExecutor(
  scalars: () => Scalars,
  accelerated: boolean,
  uses: Uses = new Uses(),
): Executor<tf.Tensor> {
  const tfjs = tfjsExecutor(scalars);
  /** What is ready to run, or why nothing is. */
  const tried: (...call: Parameters<Acceleration>) => Prepared<tf.Tensor> | string = (...call) => {
    if (!accelerated) return 'the optimizer has the option executor: "tfjs"';
    if (scalars() !== "host") return "values that cover a whole tensor stay on the device";
    const registered = accelerations.get(tf.getBackend());
    if (!registered) return noneText();
    const prepared = registered.acceleration(...call) ?? "it was left to them";
    if (typeof prepared !== "string") uses.note(registered.called, call[0].name);
    return prepared;
  };
  return {
    ...tfjs,
    run(program, inputs, layout) {
      const numbers = runOnNumbers(program, inputs, layout);
      if (numbers) return numbers;
      const prepared = tried(program, inputs, layout, nothing);
      if (typeof prepared !== "string") return prepared.run();
      uses.note(OPERATIONS, program.name, prepared);
      return tfjs.run(program, inputs, layout);
    },
    prepare(...call) {
      const prepared = tried(...call);
      return typeof prepared === "string" ? undefined : prepared;
    },
  };
}
