/**
 * The internals of TensorFlow.js's engine that are used here: what it remembers of the forward pass, for the backward pass. None of them is part of its public
 * interface, so this file alone says what they are.
 */
import * as tf from "@tensorflow/tfjs-core";

/** One operation of a forward pass. */
export interface TapeNode {
  readonly id: number;
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  /** What the gradient needs of the forward pass; each is a reference of this node's own. */
  readonly saved: readonly tf.Tensor[];
  /** The gradients of the inputs, given those of the outputs; `null` stands for zeros. */
  gradient?(dys: readonly (tf.Tensor | null)[]): Record<string, () => tf.Tensor>;
}

/** A tensor with the scope that frees it at its end. */
export type Scoped = tf.Tensor & { readonly kept: boolean; readonly scopeId: number };

interface Gradients {
  readonly value: tf.Tensor;
  readonly grads: (tf.Tensor | undefined)[];
}

/** The part of the engine that is used here. */
export interface Engine {
  readonly state: {
    readonly gradientDepth: number;
    readonly activeScope: { readonly id: number };
    activeTape: TapeNode[] | null | undefined;
  };
  gradients(f: () => tf.Tensor, xs: tf.Tensor[], dy?: tf.Tensor | null, allowNoGradients?: boolean): Gradients;
  getTensorsForGradient(kernelName: string, inputs: tf.NamedTensorMap, outputs: tf.Tensor[]): tf.Tensor[];
  saveTensorsForBackwardMode(tensors: tf.Tensor[]): tf.Tensor[];
  scopedRun<T>(start: () => void, end: () => void, f: () => T): T;
  tidy<T>(name: string, f: () => T): T;
  startTape(): void;
  endTape(): void;
}

/** The engine that all operations run on. */
export const engine = (): Engine => tf.engine() as unknown as Engine;
