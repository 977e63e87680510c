/**
 * Of some tensors a gradient needs the shape alone: that of a sum, say, repeats its dy along what was summed over. TensorFlow.js saves their values with them,
 * and so holds memory that nothing reads. Here a tensor without data is saved in their place.
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine } from "./engine.js";

/** The operations whose gradients, as TensorFlow.js registers them, look at nothing of what is saved but shapes. */
const byShape = [
  ...["Add", "AddN", "Concat", "Cumsum", "ExpandDims", "Mean", "MirrorPad", "Pack", "PadV2", "Reshape", "Slice", "Sub"],
  "Sum",
] as const;

/** Their gradients, as they were first seen: one that is registered later may need more. Those of TensorFlow.js may be registered after this file is loaded. */
const known = new Map<string, tf.GradFunc | undefined>(byShape.map((name) => [name, tf.getGradient(name)?.gradFunc]));

/** A gradient that is registered in the place of one of these, and looks at shapes alone as well. */
export function needsShapesOnly(kernelName: "Sum" | "Mean", gradient: tf.GradFunc): void {
  known.set(kernelName, gradient);
}

function shapeIsEnough(kernelName: string): boolean {
  if (!known.has(kernelName)) return false;
  const { gradFunc } = tf.getGradient(kernelName) ?? {};
  const first = known.get(kernelName);
  if (!first) known.set(kernelName, gradFunc);
  return gradFunc !== undefined && gradFunc === (first ?? gradFunc);
}

const shapes = new WeakSet<tf.Tensor>();

/** A tensor of this shape that has no data, and is disposed already. */
function shapeOf({ shape, dtype }: tf.Tensor): tf.Tensor {
  const tensor = new tf.Tensor(shape, dtype, {}, -1);
  tensor.dispose();
  shapes.add(tensor);
  return tensor;
}

/** Saves shapes where they are all that is needed, where `applies`. */
export function saveShapes(applies: () => boolean): void {
  const { getTensorsForGradient: needed, saveTensorsForBackwardMode: save } = engine();
  Object.assign(engine(), {
    getTensorsForGradient(kernelName: string, inputs: tf.NamedTensorMap, outputs: tf.Tensor[]): tf.Tensor[] {
      const tensors = needed.call(this, kernelName, inputs, outputs);
      return shapeIsEnough(kernelName) && applies() ? tensors.map(shapeOf) : tensors;
    },
    saveTensorsForBackwardMode(tensors: tf.Tensor[]): tf.Tensor[] {
      return tensors.every((tensor) => shapes.has(tensor)) ? tensors : save.call(this, tensors);
    },
  });
}
