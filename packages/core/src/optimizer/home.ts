/**
 * Where an optimizer's tensors are: they are gone when TensorFlow.js gives up the engine's state, or the backend, that they belong to.
 */
import * as tf from "@tensorflow/tfjs-core";

/** The engine's state and the backend of an optimizer's last step. */
export class Home {
  private state: object = tf.engine().state;
  private backend: tf.KernelBackend | undefined;

  /** A step is taken here. */
  enter(): void {
    this.state = tf.engine().state;
    this.backend = tf.backend();
  }

  /** Nothing is remembered. */
  leave(): void {
    this.backend = undefined;
  }

  /** What took the tensors away; undefined where they are there, or were never. */
  get lostTo(): string | undefined {
    if (this.backend === undefined) return undefined;
    const { state, registry } = tf.engine();
    if (this.state !== state) return "tf.engine().reset()";
    return Object.values(registry).includes(this.backend)
      ? undefined
      : "tf.removeBackend(), for the backend of its last step,";
  }

  /** @throws Error where what an optimizer remembers is gone. */
  refuseLost(called: string): void {
    if (this.lostTo === undefined) return;
    throw new Error(
      `${called}: ${this.lostTo} took away what this optimizer remembers. Build a new one, or call dispose() and use it from its first step; restore() brings a checkpoint back.`,
    );
  }
}
