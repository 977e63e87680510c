/**
 * A call that is ready to run: its arrays are found or made, so that what is left is to write addresses and numbers where the kernels find them, and to run these. That cannot fail.
 */
import type { Buffer, Layout, Prepared, Value } from "@hypergrad/core/executors";
import { sameShape } from "@hypergrad/core/executors";
import * as tf from "@tensorflow/tfjs-core";
import type { Heap } from "../heap/heap.js";
import type { TensorData } from "../heap/internals.js";
import type { Binding, Variant } from "./binding.js";
import { run } from "./run.js";

/** What a call runs, and where. */
export interface Bound {
  readonly heap: Heap;
  readonly variant: Variant;
  readonly binding: Binding;
  readonly layout: Layout;
}

/** What a call is given: for every input its array, the place that it is read in, and its number, where it is one. */
export interface Given {
  readonly tensors: (tf.Tensor | undefined)[];
  readonly data: (TensorData | undefined)[];
  readonly places: readonly number[];
  readonly values: readonly number[];
}

type Values = Readonly<Record<string, Value<tf.Tensor>>>;

/** A call on the heap. */
export class HeapCall implements Prepared<tf.Tensor> {
  private readonly bound: Bound;
  private readonly values: readonly number[];
  /** The arrays: the inputs' first, and then the buffers'. */
  private readonly tensors: (tf.Tensor | undefined)[];
  private readonly data: (TensorData | undefined)[];
  /** What is new, so that it can be disposed of where it is not returned. */
  private created: tf.Tensor[] = [];
  /** How many of these stand for an input that is one number for all of its elements. */
  private filled = 0;
  private over = false;

  /**
   * @param into Arrays that may be written over, by output.
   * @throws Error where the heap is full; nothing is left behind.
   */
  constructor(bound: Bound, { tensors, data, places, values }: Given, into: Values) {
    this.bound = bound;
    this.values = values;
    this.tensors = tensors;
    this.data = data;
    bound.heap.claim(bound.binding.scratch);
    try {
      for (let i = 0; i < places.length; i++) {
        if (places[i] === 0 || tensors[i]) continue;
        this.create(i, places[i] as number);
        this.filled++;
      }
      for (let b = 0; b < bound.variant.passes.buffers.length; b++) this.find(b, into);
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  /** Finds the array of a buffer, or makes one. */
  private find(b: number, into: Values): void {
    const { heap, variant, layout } = this.bound;
    const { over, output, from } = variant.passes.buffers[b] as Buffer;
    const { tensors, data } = this;
    const at = tensors.length;
    tensors.push(undefined);
    data.push(undefined);
    if (output === undefined) return;
    const before = tensors[variant.replaced[b] as number];
    const offered = before && this.filled > 0 && this.created.includes(before) ? before : into[output];
    const found = typeof offered === "object" ? heap.find(offered) : undefined;
    const shape = over === "element" ? layout.shape : layout.channelShape;
    if (this.isWritable(found, from) && sameShape((offered as tf.Tensor).shape, shape)) {
      tensors[at] = offered as tf.Tensor;
      data[at] = found;
    } else this.create(at, over === "element" ? 2 : 1);
  }

  /** True where an array that is offered may be written over: it is nobody else's, and what is still to be read of it is read before. */
  private isWritable(offered: TensorData | undefined, from: number): offered is TensorData {
    if (offered?.refCount !== 1) return false;
    const { inputs } = this.bound.variant;
    for (let i = 0; i < this.data.length; i++) {
      if (this.data[i] === offered && (inputs[i] === undefined || (inputs[i] as { lastRead: number }).lastRead > from))
        return false;
    }
    return true;
  }

  /** Puts a new tensor in the arrays' place `i`. */
  private create(i: number, place: number): void {
    const { heap, layout } = this.bound;
    const tensor = heap.create(place === 2 ? layout.shape : layout.channelShape);
    this.created.push(tensor);
    this.tensors[i] = tensor;
    this.data[i] = heap.find(tensor) as TensorData;
  }

  array(name: string): tf.Tensor | undefined {
    const { outputs } = this.bound.variant;
    for (let i = 0; i < outputs.length; i++) {
      const output = outputs[i] as (typeof outputs)[number];
      if (output.name === name) return output.in === "number" ? undefined : this.arrayOf(output);
    }
    return undefined;
  }

  private arrayOf({ in: where, at }: Variant["outputs"][number]): tf.Tensor {
    return this.tensors[where === "buffer" ? this.bound.variant.inputs.length + at : at] as tf.Tensor;
  }

  run(): Record<string, Value<tf.Tensor>> {
    const { heap, variant, binding, layout } = this.bound;
    const { numbers, addresses } = variant;
    // Nothing is allocated any more, so the views stay what they are.
    heap.look();
    this.point();
    run({ heap, layout, numbers, addresses, scratch: heap.scratch }, binding);
    const outputs: Record<string, Value<tf.Tensor>> = {};
    const kept: tf.Tensor[] = [];
    for (const output of variant.outputs) {
      if (output.in === "number") {
        outputs[output.name] = numbers[output.at] as number;
        continue;
      }
      const tensor = this.arrayOf(output);
      // Two outputs that are one value, or an output that is an input: each is a tensor of its own, to be freed by itself. On this backend a clone has memory of its own, and a view has not.
      const own = output.in === "buffer" && !kept.includes(tensor) ? tensor : tf.keep(tf.reshape(tensor, tensor.shape));
      if (own instanceof tf.Variable) heap.forgetPacked(own);
      kept.push(own);
      outputs[output.name] = own;
    }
    if (this.created.length > 0) this.created = this.created.filter((tensor) => !kept.includes(tensor));
    this.drop();
    return outputs;
  }

  /** Writes the numbers and addresses of inputs and buffers where the kernels' run finds them. */
  private point(): void {
    const { heap, variant, binding } = this.bound;
    const { inputs, passes, numbers, addresses, starts } = variant;
    for (let i = 0; i < inputs.length; i++) {
      const { index } = inputs[i] as { index: number };
      const found = this.data[i];
      const value = this.values[i] as number;
      numbers[index] = value;
      if (!found) continue;
      addresses[index] = found.memoryOffset;
      const tensor = this.tensors[i] as tf.Tensor;
      if (this.filled > 0 && this.created.includes(tensor)) heap.fill(found, tensor.size, value);
    }
    for (let b = 0; b < passes.buffers.length; b++) {
      const meanwhile = binding.meanwhile.get(passes.buffers[b] as Buffer);
      starts[b] =
        meanwhile === undefined ? (this.data[inputs.length + b] as TensorData).memoryOffset : heap.scratch + meanwhile;
    }
    for (const [index, buffer] of passes.bufferOf) addresses[index] = starts[buffer] as number;
  }

  drop(): void {
    if (this.over) return;
    this.over = true;
    for (const tensor of this.created) tensor.dispose();
    this.bound.heap.unclaim();
  }
}
