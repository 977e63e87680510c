/**
 * How a spec is run, and what a run can be asked.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensor } from "../checkpoint/weights.js";
import type { Scalars } from "../executors/tfjs-executor.js";
import { checkNames } from "../rule/options.js";
import { checkSpec, type Spec } from "../rule/spec.js";
import type { ChannelAxis } from "../rule/variable.js";

/** Current values by variable name and hyperparameter name: a number, or one value per channel or element. */
export type Hyperparameters = Record<string, Record<string, number | Float32Array>>;

/** What `onStep` is told. */
export interface StepInfo {
  /** Steps taken, this one included; a skipped step is not counted. */
  readonly step: number;
  /** True where the step was skipped because a gradient was not finite; false where a step reads nothing back and cannot know. */
  readonly skipped: boolean;
  /** The hyperparameters as they are at the moment of the call. */
  readonly hyperparameters: () => Promise<Hyperparameters>;
}

/** How a spec is run. */
export interface HyperOptions {
  /** Which axes of a variable name its output channels. Default: the last axis, but for embeddings and depthwise kernels of tf.layers. See `ChannelAxis`. */
  readonly channelAxis?: ChannelAxis;
  /**
   * What a NaN or infinite gradient does: "throw" (default) raises an error and changes nothing; "skip" changes nothing and counts. Where a step reads nothing
   * back from the device, "throw" skips too and the error is raised by the next `hyperparameters()` or `checkpoint()`; as nobody knows of it before,
   * such a step counts as taken in `iterations`, schedules and bias corrections.
   *
   * Parameters that a step has made NaN or infinite, by too large a rate or gradient, are found by the next look at them, as a step has no time for one: with "throw", the error of the next gradient that is not finite
   * names them, and so do `hyperparameters()` and `checkpoint()`; `nonFinite().variables` always does. Nothing can be undone then: go back to saved weights and a checkpoint.
   */
  readonly onNonFinite?: "throw" | "skip";
  /**
   * Called after every step, for tracing; nobody waits for the promise of an async one. What it throws comes out of `applyGradients` or `minimize`, after the step was taken; a promise that
   * is rejected is reported by console.error.
   */
  readonly onStep?: (info: StepInfo) => unknown;
  /**
   * Where values that cover a whole tensor live: "host" computes them in float64 and reads reductions back in every step; "device" keeps them on the device in float32 and a step
   * reads nothing. Default: "host" on the cpu and wasm backends, "device" elsewhere. On WebGL every read of "host" waits for the GPU; on WebGPU it is refused by the first step, as there is no such read.
   */
  readonly scalars?: Scalars;
  /** "auto" (default): the fastest executor that is registered for the active backend, such as the fused kernels of @hypergrad/wasm. "tfjs": TensorFlow.js operations, to compare with. */
  readonly executor?: "auto" | "tfjs";
}

/** How `minimize` takes a step. */
export interface MinimizeOptions {
  /**
   * The loss that hyperparameters are learned from, such as that of a held-out batch; default: the training loss. It costs a forward and a backward pass of its own. Where gradients are
   * accumulated, that of the step's last gradient counts.
   */
  readonly hyperLoss?: () => tf.Scalar;
  /** Whether to return the loss (the caller disposes it). Default false. */
  readonly returnCost?: boolean;
  /** The variables to train; default: all trainable ones. */
  readonly varList?: tf.Variable[];
}

/** How `applyGradients` takes a step. */
export interface ApplyOptions {
  /** Gradients of the loss that hyperparameters are learned from; default: the gradients themselves. */
  readonly hyperGradients?: tf.NamedTensorMap | readonly NamedTensor[];
}

/** What was not finite so far, and what is not now. */
export interface NonFiniteCounts {
  /** Steps that were skipped. */
  readonly steps: number;
  /** Hyper-gradients that were not applied. */
  readonly hyperGradients: number;
  /** The names of the variables that hold a NaN or an infinity now, of those that have taken a step. */
  readonly variables: readonly string[];
}

/**
 * Checks what `hyper` was given.
 *
 * @throws Error for an unknown option and for a value that none can have.
 */
export function checkOptions(spec: Spec, options: HyperOptions): void {
  checkSpec("hyper", spec);
  checkNames("hyper", options, ["channelAxis", "executor", "onNonFinite", "onStep", "scalars"]);
  const { executor, onNonFinite, scalars, onStep } = options;
  if (executor !== undefined && executor !== "auto" && executor !== "tfjs") {
    throw new Error(`hyper: executor is ${JSON.stringify(executor)}; expected "auto" or "tfjs".`);
  }
  if (onNonFinite !== undefined && onNonFinite !== "throw" && onNonFinite !== "skip") {
    throw new Error(`hyper: onNonFinite is ${JSON.stringify(onNonFinite)}; expected "throw" or "skip".`);
  }
  if (scalars !== undefined && scalars !== "host" && scalars !== "device") {
    throw new Error(`hyper: scalars is ${JSON.stringify(scalars)}; expected "host" or "device".`);
  }
  if (onStep !== undefined && typeof onStep !== "function") {
    throw new Error(`hyper: onStep is ${JSON.stringify(onStep)}; expected a function.`);
  }
}

/** Where values that cover a whole tensor live, on the backend that is active now. */
export function scalarsOf({ scalars }: HyperOptions): Scalars {
  const backend = tf.getBackend();
  if (scalars === undefined) return backend === "cpu" || backend === "wasm" ? "host" : "device";
  if (scalars === "host" && backend === "webgpu") {
    throw new Error(
      'hyper: scalars is "host", which reads from the device in the middle of a step; WebGPU has no such read (the one of TensorFlow.js goes by way of canvases, of which Node has none, and a page loses its device after some of them). Leave scalars out, or make it "device".',
    );
  }
  return scalars;
}
