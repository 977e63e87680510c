/**
 * The fused executor: programs as kernels on the heap of TensorFlow.js's WASM backend.
 *
 * A program is cut into passes over memory once (core/passes), each pass is compiled once (kernels.ts), and a call finds or makes its arrays (prepared.ts), writes addresses and numbers
 * where the kernels find them, and runs them one after the other (run.ts). What an output replaces is written over, where nobody else shares its memory.
 */

import {
  type Acceleration,
  type Grain,
  type Layout,
  type Place,
  type Program,
  sameShape,
} from "@hypergrad/core/executors";
import type * as tf from "@tensorflow/tfjs-core";
import { activeHeap } from "../heap/heap.js";
import type { TensorData } from "../heap/internals.js";
import {
  type Binding,
  bindingOf,
  type Input,
  type Known,
  knownOf,
  type Variant,
  type VariantKey,
  variantOf,
} from "./binding.js";
import { HeapCall } from "./prepared.js";

const places: readonly Place[] = ["host", "channel", "element"];

/** Operations that a program may have: beyond, compiling takes longer than it saves. */
const MOST = 2000;

/** The number in `places` of where an array is given; −1 where kernels cannot read it. */
function placeOf(array: tf.Tensor, grain: Grain, { shape, channelShape, channels }: Layout): number {
  if (grain === "element" && sameShape(array.shape, shape)) return 2;
  if (channels > 1 && sameShape(array.shape, channelShape)) return 1;
  return array.size === 1 ? 0 : -1;
}

/** What starts as one number and is replaced by an array is an array from the start: then there is only one variant. */
const becomes = ({ grain, replaced }: Input, { channels }: Layout): number =>
  replaced ? (grain === "element" ? 2 : grain === "channel" && channels > 1 ? 1 : 0) : 0;

const warned = new Set<string>();

/** The variant of the program whose inputs are given in these places; where it cannot be compiled, why. */
function variantFor(
  program: Program,
  known: Known,
  key: VariantKey,
  given: readonly number[],
  layout: Layout,
): Variant | string {
  const { variants } = known;
  const before = variants.get(key);
  if (before !== undefined) return before;
  const { length } = program.instructions;
  if (length > MOST) return refuse(program, known, key, `it has ${length} operations, more than ${MOST}`);
  const variant = variantOf(
    program,
    known,
    given.map((place) => places[place] as Place),
    layout,
  );
  variants.set(key, variant);
  return variant;
}

/** Leaves the variant to TensorFlow.js's operations from now on, and says so once. */
function refuse({ name }: Program, { variants }: Known, key: VariantKey, why: string): string {
  variants.set(key, why);
  if (!warned.has(name)) {
    console.warn(`@hypergrad/wasm: ${name} is not compiled: ${why}. TensorFlow.js operations run it, which is slower.`);
  }
  warned.add(name);
  return why;
}

/** Makes a program ready to run on the WASM backend's heap; why it cannot, where a tensor is elsewhere, or is not as kernels know it. */
export const fused: Acceleration = (program, inputs, layout, into) => {
  const heap = activeHeap();
  if (!heap) return "the WASM backend is not as @hypergrad/wasm knows it";
  if (layout.size === 0) return "the tensor is empty";
  const known = knownOf(program);
  const tensors: (tf.Tensor | undefined)[] = [];
  const data: (TensorData | undefined)[] = [];
  const given: number[] = [];
  const values: number[] = [];
  let digits = layout.channels === 1 ? 1 : 2;
  let arrays = false;
  for (const input of known.inputs) {
    const value = inputs[input.name];
    if (value === undefined) throw new Error(`The program reads "${input.name}", which was not given.`);
    const found = typeof value === "number" ? undefined : heap.find(value);
    if (typeof value !== "number" && !found) return "a tensor is on another backend";
    const place = typeof value === "number" ? becomes(input, layout) : placeOf(value, input.grain, layout);
    if (place < 0) return "a tensor has a shape that kernels do not know";
    arrays ||= found !== undefined && place > 0;
    tensors.push(found && place > 0 ? (value as tf.Tensor) : undefined);
    data.push(place > 0 ? found : undefined);
    given.push(place);
    values.push(typeof value === "number" ? value : place === 0 ? heap.read(found as TensorData) : 0);
    digits = 3 * digits + place;
  }
  if (!arrays) return "it is about single numbers";
  // A number is quick to look up, but from some thirty inputs on its last digits would be rounded away.
  const key = digits <= Number.MAX_SAFE_INTEGER ? digits : `${layout.channels === 1} ${given.join("")}`;
  const variant = variantFor(program, known, key, given, layout);
  if (typeof variant === "string") return variant;
  let binding: Binding;
  try {
    binding = bindingOf(variant, layout, heap);
  } catch (error) {
    return refuse(program, known, key, (error as Error).message);
  }
  return new HeapCall({ heap, variant, binding, layout }, { tensors, data, places: given, values }, into);
};
