/**
 * A pool of workers on one memory. The thread that calls gives a job, does its own share, and waits for those who took the rest.
 *
 * Nobody waits for a worker that has taken nothing: one that is still starting, or has died, is one that takes no chunk.
 */
import type { Internals } from "../heap/internals.js";
import { memoryOf } from "../heap/internals.js";
import { ARGUMENTS, at, BYTES, MODULES, MOST_ARGUMENTS, MOST_MODULES, READY, SCRATCH } from "./control.js";
import { startThread, type Thread } from "./platform.js";

/** A kernel: its module with the bytes that it was made of, and its number among the module's exports. */
export interface PooledKernel {
  readonly module: WebAssembly.Module;
  readonly bytes: Uint8Array;
  readonly number: number;
}

/** What is done: so many units, in chunks of so many. */
export interface Job {
  readonly kernel: PooledKernel;
  readonly size: number;
  readonly chunk: number;
  /** Of every argument what kind it is, where it starts, and how far it moves; see control.ts. */
  readonly arguments: readonly (readonly [kind: number, from: number, step: number])[];
  /** Bytes of scratch memory that a thread needs for itself. */
  readonly scratch: number;
  /** Does the units from one to another on the calling thread. */
  run(begin: number, end: number): void;
}

/** For how long the calling thread looks again and again before it sleeps, and for how long it then does, in milliseconds. */
const LOOKING = 0.05;
const NAP = 20;

export class Pool {
  /** How long a thread may take for a chunk before it is taken for dead, in milliseconds. */
  patience = 60_000;
  private readonly wasm: Internals["wasm"];
  private readonly ints: Int32Array<SharedArrayBuffer>;
  private readonly numbers: Float64Array<SharedArrayBuffer>;
  private readonly threads = new Map<number, Thread>();
  private readonly modules = new Map<WebAssembly.Module, number>();
  private readonly blocks: number[] = [];
  private scratch = 0;
  private canSleep = true;

  /** @param lost Is told why a worker ended, once for each. */
  constructor({ wasm }: Pick<Internals, "wasm">, workers: number, lost: (why: string) => void) {
    const control = new SharedArrayBuffer(BYTES);
    this.wasm = wasm;
    this.ints = new Int32Array(control);
    this.numbers = new Float64Array(control);
    for (let me = 0; me < workers; me++) {
      const ended = (why: string): void => {
        Atomics.store(this.ints, READY + me, 0);
        if (this.threads.delete(me)) lost(why);
      };
      this.threads.set(me, startThread([memoryOf({ wasm }), control, me], ended));
    }
  }

  /** Workers that are there or coming. */
  get workers(): number {
    return this.threads.size;
  }

  /** Workers that are there. */
  get ready(): number {
    let count = 0;
    for (const me of this.threads.keys()) count += Atomics.load(this.ints, READY + me);
    return count;
  }

  /**
   * Does a job.
   *
   * @returns False where the calling thread must do it alone: no other is there, or the heap has no room for what they need.
   * @throws Error where a thread fails in it, or takes too long.
   */
  run(job: Job): boolean {
    if (this.ready === 0 || !this.prepare(job)) return false;
    const { ints } = this;
    Atomics.store(ints, at.open, 1);
    Atomics.add(ints, at.turn, 1);
    Atomics.notify(ints, at.turn, Math.ceil(job.size / job.chunk) - 1);
    try {
      for (;;) {
        const begin = Atomics.add(ints, at.next, 1) * job.chunk;
        if (begin >= job.size) break;
        job.run(begin, Math.min(begin + job.chunk, job.size));
      }
    } finally {
      Atomics.store(ints, at.open, 0);
      this.wait();
    }
    if (Atomics.exchange(ints, at.failed, 0))
      throw new Error(
        "A WASM kernel failed on one of several threads. Please report it; setThreads(1) runs it on one.",
      );
    return true;
  }

  /** Writes down what is to be done. Nobody reads it: the last job is over. */
  private prepare({ kernel, size, chunk, arguments: given, scratch }: Job): boolean {
    const { ints, numbers } = this;
    if (given.length > MOST_ARGUMENTS) return false;
    try {
      ints[at.module] = this.moduleNumber(kernel);
      if (scratch > this.scratch) this.takeScratch(scratch);
    } catch {
      return false;
    }
    ints[at.kernel] = kernel.number;
    ints[at.size] = size;
    ints[at.chunk] = chunk;
    ints[at.next] = 0;
    ints[at.arguments] = given.length;
    for (const [i, argument] of given.entries()) numbers.set(argument, ARGUMENTS + 3 * i);
    return true;
  }

  /** The module's number; its bytes are on the heap, where workers find them. */
  private moduleNumber({ module, bytes }: PooledKernel): number {
    const known = this.modules.get(module);
    if (known !== undefined) return known;
    const number = this.modules.size;
    if (number === MOST_MODULES) throw new Error("More modules than workers can know.");
    const address = this.take(bytes.length);
    new Uint8Array(memoryOf({ wasm: this.wasm }).buffer).set(bytes, address);
    this.numbers.set([address, bytes.length], MODULES + 2 * number);
    this.modules.set(module, number);
    return number;
  }

  private takeScratch(least: number): void {
    // What was taken before stays; powers of two bound that.
    const bytes = 2 ** Math.ceil(Math.log2(least));
    for (const me of this.threads.keys()) this.numbers[SCRATCH + me] = this.take(bytes);
    this.scratch = bytes;
  }

  private take(bytes: number): number {
    const address = this.wasm._malloc(bytes) >>> 0;
    this.blocks.push(address);
    return address;
  }

  /** Waits until no worker is in the job. */
  private wait(): void {
    const { ints } = this;
    let [waited, last] = [0, performance.now()];
    for (;;) {
      const inside = Atomics.load(ints, at.inside);
      if (inside === 0) return;
      if (waited > LOOKING) this.nap(inside);
      const now = performance.now();
      // A machine that was asleep has not waited.
      waited += Math.min(now - last, 2 * NAP);
      last = now;
      if (waited > this.patience) {
        this.end();
        throw new Error(
          `A thread of the WASM kernels has not answered for ${Math.round(this.patience / 1000)} seconds. What it was computing is lost; begin again from a checkpoint. From now on kernels run on one thread.`,
        );
      }
    }
  }

  private nap(inside: number): void {
    if (!this.canSleep) return;
    try {
      Atomics.wait(this.ints, at.inside, inside, NAP);
    } catch {
      // A page's main thread must not sleep; it looks on.
      this.canSleep = false;
    }
  }

  /** Ends the workers. */
  end(): void {
    const threads = [...this.threads.values()];
    this.threads.clear();
    for (const thread of threads) thread.terminate();
    // Who is in a job may still write.
    if (Atomics.load(this.ints, at.inside) === 0) for (const block of this.blocks.splice(0)) this.wasm._free(block);
  }
}
