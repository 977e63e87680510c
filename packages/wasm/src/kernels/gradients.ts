/**
 * Gradients that tfjs composes of many passes over whole tensors, of few. tfjs has one gradient of an operation for all backends: these pass on to it where another backend is at work.
 */
import * as tf from "@tensorflow/tfjs-core";
import { activeHeap } from "../heap/heap.js";
import { SoftmaxGradient } from "./softmax.js";

type Gradients = Readonly<Record<string, tf.GradFunc>>;

/** Sums what the same value became; tfjs adds slice to slice. */
function gathered(dy: tf.Tensor, { shape }: tf.Tensor, reps: readonly number[]): tf.Tensor {
  const split = shape.flatMap((size, axis) => (reps[axis] === 1 ? [size] : [reps[axis]!, size]));
  const axes: number[] = [];
  let at = 0;
  for (const times of reps) {
    if (times !== 1) axes.push(at++);
    at++;
  }
  return tf.sum(tf.reshape(dy, split), axes);
}

const gradients: Gradients = {
  Tile: (dy, [x], attrs) => ({ x: () => gathered(dy as tf.Tensor, x!, attrs["reps"] as number[]) }),
  Softmax: (dy, [y]) => ({
    logits: () => tf.engine().runKernel(SoftmaxGradient, { dy: dy as tf.Tensor, y: y! }) as tf.Tensor,
  }),
};

// The Jacobian is symmetric in dy: its gradient is the same kernel.
tf.registerGradient({
  kernelName: SoftmaxGradient,
  inputsToSave: ["dy", "y"],
  gradFunc: (given, [dy, y]) => {
    const g = given as tf.Tensor;
    return {
      dy: () => tf.engine().runKernel(SoftmaxGradient, { dy: g, y: y! }) as tf.Tensor,
      y: () => {
        const along = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.mul(a, b), -1, true);
        return tf.sub(tf.mul(g, tf.sub(dy!, along(dy!, y!))), tf.mul(dy!, along(g, y!)));
      },
    };
  },
});

const ours = new WeakSet<tf.GradFunc>();

/** Puts them in the place of those that are registered. */
function install(): void {
  for (const [name, gradient] of Object.entries(gradients)) {
    const config = tf.getGradient(name);
    if (!config || ours.has(config.gradFunc)) continue;
    const stock = config.gradFunc;
    config.gradFunc = (...call) => (activeHeap() ? gradient : stock)(...call);
    ours.add(config.gradFunc);
  }
}

install();
// tfjs's own may be registered after this is loaded, but before the backend is made.
tf.registerKernel({
  kernelName: "HypergradGradients",
  backendName: "wasm",
  kernelFunc: () => [],
  setupFunc: install,
});
