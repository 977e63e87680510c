/**
 * The heap of TensorFlow.js's WASM backend: where its tensors are, and how kernels of our own work on them.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Internals, internalsOf, memoryOf, type TensorData } from "./internals.js";

/** Scratch memory of so many bytes is kept from run to run. */
const KEPT = 2 ** 20;

/** One backend's memory. Addresses are in bytes; a view is valid until something is allocated. */
export class Heap {
  /** The memory that compiled code imports. */
  readonly memory: WebAssembly.Memory;
  readonly backend: Internals;
  private buffer: ArrayBufferLike | undefined;
  private scratchBytes = 0;
  private claims = 0;
  /** The address of the bytes that were claimed; it changes when more are claimed. */
  scratch = 0;
  /** The memory as 32-bit numbers and as float64. */
  i32: Int32Array = new Int32Array();
  f32: Float32Array = new Float32Array();
  f64: Float64Array = new Float64Array();

  constructor(backend: Internals) {
    this.backend = backend;
    this.memory = memoryOf(backend);
  }

  /** What is known of the tensor's data, where it is on this heap and of type float32; undefined else. */
  find(tensor: tf.Tensor): TensorData | undefined {
    if (tensor.dtype !== "float32") return undefined;
    const { dataIdMap } = this.backend;
    dataIdMap.compute?.(tensor.dataId);
    return dataIdMap.data.get(tensor.dataId);
  }

  /** A new tensor, with anything in it. */
  create(shape: readonly number[]): tf.Tensor {
    const { dataId } = this.backend.makeOutput([...shape], "float32");
    return tf.keep(
      tf.engine().makeTensorFromDataId(dataId, [...shape], "float32", this.backend as unknown as tf.KernelBackend),
    );
  }

  /**
   * Lets the backend know that a tensor was written over. Its matrix products and convolutions keep a rearranged copy of their right operand for as long as
   * a tensor's id lives, and would go on with the old values.
   */
  forgetPacked(tensor: tf.Tensor): void {
    const { id, memoryOffset } = this.find(tensor) as TensorData;
    // The id's data is not freed by this: that is up to the backend's JavaScript.
    this.backend.wasm.tfjs.disposeData(id);
    this.backend.wasm.tfjs.registerTensor(id, tensor.size, memoryOffset);
  }

  /** Some bytes, 16-byte aligned, to be freed by `free`. */
  allocate(bytes: number): number {
    return this.backend.wasm._malloc(bytes) >>> 0;
  }

  free(address: number): void {
    this.backend.wasm._free(address);
  }

  /** Sees to it that there are so many bytes of scratch memory until `unclaim`: they are the same for all who claim some, and each run's until the next. */
  claim(bytes: number): void {
    if (bytes > this.scratchBytes) {
      const address = this.allocate(bytes);
      if (this.scratch) this.free(this.scratch);
      this.scratch = address;
      this.scratchBytes = bytes;
    }
    this.claims++;
  }

  unclaim(): void {
    this.claims--;
    if (this.claims > 0 || this.scratchBytes <= KEPT) return;
    this.free(this.scratch);
    this.scratch = 0;
    this.scratchBytes = 0;
  }

  /** Makes the views those of the memory as it is now: it may have grown. */
  look(): void {
    const { buffer } = this.memory;
    if (buffer === this.buffer) return;
    this.buffer = buffer;
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  /** The tensor's first number. */
  read({ memoryOffset }: TensorData): number {
    this.look();
    return this.f32[memoryOffset >>> 2] as number;
  }

  /** Makes all `size` numbers of a tensor this one. */
  fill({ memoryOffset }: TensorData, size: number, value: number): void {
    const first = memoryOffset >>> 2;
    this.f32.fill(value, first, first + size);
  }
}

const heaps = new WeakMap<object, Heap>();

/** The active backend's heap; undefined where it is not tfjs's WASM backend as this package knows it. */
export function activeHeap(): Heap | undefined {
  const backend = tf.backend();
  const known = heaps.get(backend);
  if (known) return known;
  const internals = internalsOf(backend);
  if (!internals) return undefined;
  const heap = new Heap(internals);
  heaps.set(backend, heap);
  return heap;
}
