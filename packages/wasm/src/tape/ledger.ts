/**
 * The gradients of a backward pass that are not used up yet, by the ids of the tensors that they are the gradients of. A gradient is freed when its last entry
 * goes: a function may give back what it was given, so that one tensor stands for several.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Scoped } from "./engine.js";

export class Ledger {
  private readonly entries = new Map<number, tf.Tensor>();
  private readonly holders = new Map<tf.Tensor, number>();
  private readonly scope: number;

  /** Only what the scope with this id would free in the end is freed earlier: all else belongs to somebody. */
  constructor(scope: number) {
    this.scope = scope;
  }

  get(id: number): tf.Tensor | undefined {
    return this.entries.get(id);
  }

  holds(gradient: tf.Tensor): boolean {
    return this.holders.has(gradient);
  }

  /** Holds a gradient to the end of the backward pass. */
  pin(gradient: tf.Tensor): void {
    this.holders.set(gradient, (this.holders.get(gradient) ?? 0) + 1);
  }

  set(id: number, gradient: tf.Tensor): void {
    this.pin(gradient);
    const before = this.entries.get(id);
    this.entries.set(id, gradient);
    if (before) this.drop(before);
  }

  /** The gradient of the tensor with this id is not needed any more. */
  delete(id: number): void {
    const gradient = this.entries.get(id);
    this.entries.delete(id);
    if (gradient) this.drop(gradient);
  }

  /** Frees a tensor of which nothing here is made. */
  free(tensor: tf.Tensor): void {
    const { kept, scopeId } = tensor as Scoped;
    if (!kept && scopeId === this.scope && !this.holds(tensor)) tensor.dispose();
  }

  private drop(gradient: tf.Tensor): void {
    const left = this.holders.get(gradient)! - 1;
    if (left > 0) this.holders.set(gradient, left);
    else {
      this.holders.delete(gradient);
      this.free(gradient);
    }
  }
}
