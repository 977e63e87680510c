/**
 * Transactions: a step happens as a whole, or not at all.
 *
 * While one is open, nothing is given up or written over that was there before: what is replaced is noted, what is released is freed only at the end, and what is to be
 * written in place is made ready, and waits. So whatever is thrown until then, everything can be put back; and what is left for the end cannot fail.
 */
import type { Layout } from "../expression/layout.js";
import type { Program } from "../expression/program.js";
import { type Executor, free, type Numbers, type Prepared, type Value } from "./executor.js";

/** An executor that can do several runs as a whole. Outside of `whole` it is the executor that it was made of. */
export class Transaction<A> implements Executor<A> {
  readonly name: string;
  private readonly executor: Executor<A>;
  private open = false;
  /** Arrays that were made since it was opened. */
  private readonly fresh = new Set<A>();
  /** Arrays that are freed at the end, if it is a good one. */
  private released: A[] = [];
  /** What was changed, and how it was before: an object, a key and a value, one after the other; of a map an entry. */
  private changes: unknown[] = [];
  /** What is still to be done. */
  private waiting: (() => void)[] = [];
  private prepared: Prepared<A>[] = [];

  constructor(executor: Executor<A>) {
    this.executor = executor;
    this.name = executor.name;
  }

  /** Does the work as a whole: where it throws, arrays, and what was noted, are as they were before. */
  whole<T>(work: () => T): T {
    if (this.open) return work();
    this.open = true;
    try {
      const result = work();
      for (const act of this.waiting) act();
      this.end(this.released);
      return result;
    } catch (error) {
      this.putBack();
      for (const prepared of this.prepared) prepared.drop();
      this.end([...this.fresh]);
      throw error;
    }
  }

  private end(arrays: readonly A[]): void {
    this.open = false;
    this.fresh.clear();
    this.released = [];
    this.changes = [];
    this.waiting = [];
    this.prepared = [];
    for (const array of arrays) this.executor.release(array);
  }

  private putBack(): void {
    const { changes } = this;
    for (let i = changes.length - 3; i >= 0; i -= 3) {
      const [object, key, before] = changes.slice(i, i + 3) as [Record<string, unknown>, string, unknown];
      if (!(object instanceof Map)) object[key] = before;
      else if (before === undefined) object.delete(key);
      else object.set(key, before);
    }
  }

  /** Changes a property. */
  put<T, K extends keyof T>(object: T, key: K, value: T[K]): void {
    const before = object[key];
    if (before === value) return;
    if (this.open) this.changes.push(object, key, before);
    object[key] = value;
  }

  /** Changes an entry. */
  set<K, V>(map: Map<K, V>, key: K, value: V): void {
    const before = map.get(key);
    if (before === value) return;
    if (this.open) this.changes.push(map, key, before);
    map.set(key, value);
  }

  /** Does at the end what cannot fail; at once, where nothing is open. */
  finally(act: () => void): void {
    if (this.open) this.waiting.push(act);
    else act();
  }

  /** An array that something else has made, as one of its own. */
  own<T extends A>(array: T): T {
    if (this.open) this.fresh.add(array);
    return array;
  }

  /** Frees an array when all is done: what waits may still read it. */
  releaseAtEnd(array: A): void {
    if (this.open) this.released.push(array);
    else this.executor.release(array);
  }

  release(array: A): void {
    if (this.open && !this.fresh.delete(array)) this.released.push(array);
    else this.executor.release(array);
  }

  run(program: Program, inputs: Readonly<Record<string, Value<A>>>, layout: Layout): Record<string, Value<A>> {
    const outputs = this.executor.run(program, inputs, layout);
    if (this.open) for (const name in outputs) this.added(outputs[name] as Value<A>);
    return outputs;
  }

  /** As the executor does it. What is prepared in a transaction is run in it, by `finally`. */
  prepare(...call: Parameters<NonNullable<Executor<A>["prepare"]>>): Prepared<A> | undefined {
    const prepared = this.executor.prepare?.(...call);
    if (prepared && this.open) this.prepared.push(prepared);
    return prepared;
  }

  private added(value: Value<A>): void {
    if (typeof value !== "number") this.fresh.add(value);
  }

  load(numbers: Numbers): A {
    return this.own(this.executor.load(numbers));
  }

  spread(value: Value<A>, shape: readonly number[]): A {
    const array = this.executor.spread(value, shape);
    return array === value ? array : this.own(array);
  }

  /** As `spread`, and the value is given up where it becomes another. */
  spreadOut(value: Value<A>, shape: readonly number[]): A {
    const array = this.spread(value, shape);
    if (array !== value) free(this, value);
    return array;
  }

  shapeOf(array: A): readonly number[] {
    return this.executor.shapeOf(array);
  }

  store(array: A): ReturnType<Executor<A>["store"]> {
    return this.executor.store(array);
  }
}
