/**
 * The fused executor: programs as kernels on the heap of TensorFlow.js's WASM backend.
 *
 * A program is cut into passes over memory once (schedule.ts), each pass is compiled once (kernel.ts), and a call writes addresses and numbers where the kernels
 * find them and runs them one after the other (run.ts). What an output replaces is written over, where nobody else shares its memory.
 */
import { type Acceleration, type Layout, type Program, sameShape, type Value } from "@hypergrad/core/executors";
import * as tf from "@tensorflow/tfjs-core";
import { type Binding, bindingOf, type Input, type Known, knownOf, type Variant, variantOf } from "./binding.js";
import { activeHeap, type Heap } from "./heap.js";
import { run } from "./run.js";
import type { Place } from "./schedule.js";

/** An input as it is given. */
interface Given {
  readonly place: Place;
  /** Its array; undefined for a number, and for an array of an output's that does not exist yet. */
  readonly tensor: tf.Tensor | undefined;
  /** The number that it is, or that all of its elements are at first. */
  readonly value: number;
}

const places: readonly Place[] = ["host", "channel", "element"];

/** How an input is given; undefined where kernels cannot read it. */
function givenOf(
  { name, grain, replaced }: Input,
  value: Value<tf.Tensor> | undefined,
  { shape, channelShape, channels }: Layout,
  heap: Heap,
): Given | undefined {
  if (value === undefined) throw new Error(`The program reads "${name}", which was not given.`);
  if (typeof value === "number") {
    // What starts as one number and is replaced by an array is an array from the start: then there is only one variant.
    const becomes = replaced && (grain === "element" || (grain === "channel" && channels > 1));
    return { place: becomes ? grain : "host", tensor: undefined, value };
  }
  const data = heap.find(value);
  if (!data) return undefined;
  if (grain === "element" && sameShape(value.shape, shape)) return { place: "element", tensor: value, value: 0 };
  if (channels > 1 && sameShape(value.shape, channelShape)) return { place: "channel", tensor: value, value: 0 };
  if (value.size !== 1) return undefined;
  heap.look();
  return { place: "host", tensor: undefined, value: heap.f32[data.memoryOffset >>> 2] as number };
}

const warned = new Set<string>();

function warnOnce(text: string): void {
  if (!warned.has(text)) console.warn(text);
  warned.add(text);
}

/** The variant of the program for inputs that are given like this, bound to the layout; undefined where it cannot be compiled. */
function prepared(
  program: Program,
  { inputs, variants }: Known,
  given: readonly Given[],
  layout: Layout,
  heap: Heap,
): { variant: Variant; binding: Binding } | undefined {
  const key = given.reduce((sum, { place }) => 3 * sum + places.indexOf(place), layout.channels === 1 ? 1 : 2);
  try {
    let variant = variants.get(key);
    if (!variant && variants.has(key)) return undefined;
    if (!variant) {
      variant = variantOf(program, new Map(inputs.map(({ name }, i) => [name, (given[i] as Given).place])), layout);
      variants.set(key, variant);
    }
    return { variant, binding: bindingOf(program, variant, layout, heap) };
  } catch (error) {
    variants.set(key, undefined);
    warnOnce(
      `@hypergrad/wasm: ${program.name} cannot be compiled (${(error as Error).message}); it is run by TensorFlow.js operations, which are slower.`,
    );
    return undefined;
  }
}

/** Runs a program on the WASM backend's heap; undefined where a tensor is elsewhere, or is not as kernels know it. */
export const fused: Acceleration = (program, inputs, layout, into = {}) => {
  const heap = activeHeap();
  if (!heap || layout.size === 0) return undefined;
  const known = knownOf(program);
  const given: Given[] = [];
  for (const input of known.inputs) {
    const one = givenOf(input, inputs[input.name], layout, heap);
    if (!one) return undefined;
    given.push(one);
  }
  if (!given.some(({ tensor }) => tensor)) return undefined;
  const ready = prepared(program, known, given, layout, heap);
  if (!ready) return undefined;
  const { variant, binding } = ready;
  const { schedule } = variant;
  const shapeOf = (place: Place): readonly number[] => (place === "element" ? layout.shape : layout.channelShape);

  /** The tensors that are new, and those that are written. */
  const fresh = new Set<tf.Tensor>();
  const targets: tf.Tensor[] = [];
  const memory: number[] = [];
  try {
    const create = (place: Place): tf.Tensor => {
      const tensor = heap.create(shapeOf(place));
      fresh.add(tensor);
      return tensor;
    };
    const arrays = given.map(({ place, tensor }) => (place === "host" ? undefined : (tensor ?? create(place))));
    const targetOf = (name: string, over: Place, from: number): tf.Tensor => {
      const own = known.inputs.findIndex((input) => input.name === name);
      const before = arrays[own];
      const offered = before && fresh.has(before) ? before : into[name];
      const usable =
        typeof offered === "object" &&
        sameShape(offered.shape, shapeOf(over)) &&
        !targets.some((target) => target?.dataId === offered.dataId) &&
        heap.find(offered)?.refCount === 1 &&
        // An input of which something is still to be read must keep its values.
        known.inputs.every(
          ({ index }, i) => arrays[i]?.dataId !== offered.dataId || (schedule.lastRead.get(index) as number) <= from,
        );
      return usable ? offered : create(over);
    };
    const addresses: number[] = [];
    const addressOf = (tensor: tf.Tensor): number => (heap.find(tensor) as { memoryOffset: number }).memoryOffset;
    schedule.buffers.forEach(({ over, output, from }, i) => {
      if (output !== undefined) targets[i] = targetOf(output, over, from);
    });
    const scratch = heap.scratch(binding.scratch);
    const bufferAddresses = schedule.buffers.map((buffer, i) => {
      const target = targets[i];
      if (target) return addressOf(target);
      const meanwhile = binding.meanwhile.get(buffer);
      if (meanwhile !== undefined) return scratch + meanwhile;
      const address = heap.allocate(4 * layout.size);
      memory.push(address);
      return address;
    });
    // From here on nothing is allocated, so the views stay what they are.
    heap.look();
    const numbers: number[] = [];
    known.inputs.forEach(({ index }, i) => {
      const array = arrays[i];
      const { tensor, value } = given[i] as Given;
      numbers[index] = value;
      if (!array) return;
      const address = addressOf(array);
      addresses[index] = address;
      if (!tensor) heap.f32.fill(value, address >>> 2, (address >>> 2) + array.size);
    });
    for (const [index, buffer] of schedule.bufferOf) addresses[index] = bufferAddresses[buffer] as number;
    run({ heap, program, layout, numbers, addresses, scratch }, binding);

    const outputs: Record<string, Value<tf.Tensor>> = {};
    const taken = new Set<tf.Tensor>();
    for (const [name, index] of program.outputs) {
      const buffer = schedule.bufferOf.get(index);
      const array = buffer === undefined ? arrays[known.inputs.findIndex((input) => input.index === index)] : targets[buffer];
      if (!array) {
        outputs[name] = numbers[index] as number;
        continue;
      }
      // Two outputs that are one value, or an output that is an input: each is a tensor of its own, to be freed by itself.
      const own = buffer !== undefined && !taken.has(array) ? array : tf.keep(array.clone());
      taken.add(own);
      outputs[name] = own;
      if (array === own && array instanceof tf.Variable) heap.forgetPacked(array);
    }
    for (const tensor of taken) fresh.delete(tensor);
    return outputs;
  } finally {
    for (const tensor of fresh) tensor.dispose();
    for (const address of memory) heap.free(address);
  }
};
