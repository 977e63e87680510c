/**
 * The fused executor: programs as kernels on the heap of TensorFlow.js's WASM backend.
 *
 * A program is cut into passes over memory once (core/passes), each pass is compiled once (kernels.ts), and a call writes addresses and numbers where the kernels
 * find them and runs them one after the other (run.ts). What an output replaces is written over, where nobody else shares its memory.
 */

import type { Buffer, Place } from "@hypergrad/core/executors";
import {
  type Acceleration,
  type Grain,
  type Layout,
  type Program,
  sameShape,
  type Value,
} from "@hypergrad/core/executors";
import * as tf from "@tensorflow/tfjs-core";
import { activeHeap, type Heap } from "../heap/heap.js";
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
import { run } from "./run.js";

/** The arrays of a call: the inputs' first, and then the buffers'. */
interface Arrays {
  readonly tensors: (tf.Tensor | undefined)[];
  readonly data: (TensorData | undefined)[];
}

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

/** The variant of the program whose inputs are given in these places; undefined where it cannot be compiled. */
function variantFor(
  program: Program,
  known: Known,
  key: VariantKey,
  given: readonly number[],
  layout: Layout,
): Variant | undefined {
  const { variants } = known;
  if (variants.has(key)) return variants.get(key);
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
function refuse({ name }: Program, { variants }: Known, key: VariantKey, why: string): undefined {
  variants.set(key, undefined);
  if (!warned.has(name)) {
    console.warn(`@hypergrad/wasm: ${name} is not compiled: ${why}. TensorFlow.js operations run it, which is slower.`);
  }
  warned.add(name);
}

/** Runs a program on the WASM backend's heap; undefined where a tensor is elsewhere, or is not as kernels know it. */
export const fused: Acceleration = (program, inputs, layout, into) => {
  const heap = activeHeap();
  if (!heap || layout.size === 0) return undefined;
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
    if (typeof value !== "number" && !found) return undefined;
    const place = typeof value === "number" ? becomes(input, layout) : placeOf(value, input.grain, layout);
    if (place < 0) return undefined;
    arrays ||= found !== undefined && place > 0;
    tensors.push(found && place > 0 ? (value as tf.Tensor) : undefined);
    data.push(place > 0 ? found : undefined);
    given.push(place);
    values.push(typeof value === "number" ? value : place === 0 ? heap.read(found as TensorData) : 0);
    digits = 3 * digits + place;
  }
  if (!arrays) return undefined;
  // A number is quick to look up, but from some thirty inputs on its last digits would be rounded away.
  const key = digits <= Number.MAX_SAFE_INTEGER ? digits : `${layout.channels === 1} ${given.join("")}`;
  const variant = variantFor(program, known, key, given, layout);
  if (!variant) return undefined;
  let binding: Binding;
  try {
    binding = bindingOf(variant, layout, heap);
  } catch (error) {
    return refuse(program, known, key, (error as Error).message);
  }
  return runOn({ heap, variant, binding, layout }, { tensors, data }, given, values, into ?? {});
};

interface Bound {
  readonly heap: Heap;
  readonly variant: Variant;
  readonly binding: Binding;
  readonly layout: Layout;
}

/** True where the array that is offered for a buffer may be written over: it is nobody else's, and what is still to be read of it is read before. */
function writable(
  { variant: { inputs } }: Bound,
  { data }: Arrays,
  offered: TensorData | undefined,
  from: number,
): offered is TensorData {
  if (offered?.refCount !== 1) return false;
  for (let i = 0; i < data.length; i++) {
    if (data[i] === offered && (inputs[i] === undefined || (inputs[i] as { lastRead: number }).lastRead > from))
      return false;
  }
  return true;
}

function runOn(
  bound: Bound,
  arrays: Arrays,
  given: readonly number[],
  values: readonly number[],
  into: Readonly<Record<string, Value<tf.Tensor>>>,
): Record<string, Value<tf.Tensor>> {
  const { heap, variant, binding, layout } = bound;
  const { passes, inputs, replaced, numbers, addresses } = variant;
  const { tensors, data } = arrays;
  const { buffers, bufferOf } = passes;
  /** What is new, so that it can be disposed of where it is not returned, and what was only needed meanwhile. */
  const created: tf.Tensor[] = [];
  const borrowed: number[] = [];
  const kept: tf.Tensor[] = [];
  let filled = 0;
  try {
    for (let i = 0; i < given.length; i++) {
      if (given[i] === 0 || tensors[i]) continue;
      create(bound, arrays, i, given[i] as number, created);
      filled++;
    }
    const scratch = heap.scratch(binding.scratch);
    for (let b = 0; b < buffers.length; b++) {
      const buffer = buffers[b] as Buffer;
      if (buffer.output === undefined) {
        const meanwhile = binding.meanwhile.get(buffer);
        if (meanwhile === undefined) borrowed.push(heap.allocate(4 * layout.size));
        variant.starts[b] = meanwhile === undefined ? (borrowed.at(-1) as number) : scratch + meanwhile;
        tensors.push(undefined);
        data.push(undefined);
        continue;
      }
      const place = buffer.over === "element" ? 2 : 1;
      const before = tensors[replaced[b] as number];
      const offered = before && filled > 0 && created.includes(before) ? before : into[buffer.output];
      const found = typeof offered === "object" ? heap.find(offered) : undefined;
      const shape = place === 2 ? layout.shape : layout.channelShape;
      if (writable(bound, arrays, found, buffer.from) && sameShape((offered as tf.Tensor).shape, shape)) {
        tensors.push(offered as tf.Tensor);
        data.push(found);
      } else create(bound, arrays, tensors.length, place, created);
      variant.starts[b] = (data.at(-1) as TensorData).memoryOffset;
    }

    // From here on nothing is allocated, so the views stay what they are.
    heap.look();
    for (let i = 0; i < inputs.length; i++) {
      const { index } = inputs[i] as { index: number };
      const found = data[i];
      numbers[index] = values[i] as number;
      if (!found) continue;
      addresses[index] = found.memoryOffset;
      const tensor = tensors[i] as tf.Tensor;
      if (filled > 0 && created.includes(tensor)) heap.fill(found, tensor.size, values[i] as number);
    }
    for (const [index, buffer] of bufferOf) addresses[index] = variant.starts[buffer] as number;
    run({ heap, layout, numbers, addresses, scratch }, binding);

    const outputs: Record<string, Value<tf.Tensor>> = {};
    for (const { name, in: where, at } of variant.outputs) {
      if (where === "number") {
        outputs[name] = numbers[at] as number;
        continue;
      }
      const tensor = tensors[where === "buffer" ? inputs.length + at : at] as tf.Tensor;
      // Two outputs that are one value, or an output that is an input: each is a tensor of its own, to be freed by itself.
      const own = where === "buffer" && !kept.includes(tensor) ? tensor : tf.keep(tensor.clone());
      if (own instanceof tf.Variable) heap.forgetPacked(own);
      kept.push(own);
      outputs[name] = own;
    }
    return outputs;
  } finally {
    for (const tensor of created) if (!kept.includes(tensor)) tensor.dispose();
    for (const address of borrowed) heap.free(address);
  }
}

/** Puts a new tensor in the arrays' place `i`. */
function create(
  { heap, layout }: Bound,
  { tensors, data }: Arrays,
  i: number,
  place: number,
  created: tf.Tensor[],
): void {
  const tensor = heap.create(place === 2 ? layout.shape : layout.channelShape);
  created.push(tensor);
  tensors[i] = tensor;
  data[i] = heap.find(tensor) as TensorData;
}
