/**
 * The gradients of sums and means repeat what they are given. TensorFlow.js makes an array of ones in JavaScript, copies it to the heap and multiplies; here it is a broadcast, which whoever
 * reads it takes part in a chain of.
 */
import * as tf from "@tensorflow/tfjs-core";
import { activeHeap } from "../heap/heap.js";
import { needsShapesOnly } from "../tape/shapes.js";

/** Repeats dy along the axes that were reduced. */
function spread(dy: tf.Tensor, { shape }: tf.Tensor, axis: unknown, mean: boolean): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis as number[], shape);
  const kept = shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const count = tf.util.sizeFromShape(axes.map((i) => shape[i] as number));
  const each = mean ? tf.div(dy, count) : dy;
  return tf.broadcastTo(tf.reshape(each, kept), shape as never);
}

const replaced = new WeakSet<object>();

/** Puts these gradients in the place of the registered ones, on this backend. */
export function replaceGradients(): void {
  for (const [name, mean] of [
    ["Sum", false],
    ["Mean", true],
  ] as const) {
    const config = tf.getGradient(name);
    if (!config || replaced.has(config)) continue;
    replaced.add(config);
    const { gradFunc: stock } = config;
    config.gradFunc = (dy, saved, attrs) => {
      const [x] = saved as [tf.Tensor];
      if (Array.isArray(dy) || x.size === 0 || !activeHeap()) return stock(dy, saved, attrs);
      return { x: () => spread(dy, x, attrs["axis"], mean) };
    };
    needsShapesOnly(name, config.gradFunc);
  }
}
