/**
 * Who needs which value. The engine, and all kernels, see the backend as it would be if everything were computed at once: what has not been computed counts as a
 * tensor's data, and what only values to be computed still need does not.
 *
 * Data that is asked for and is not on the heap, the backend lets its mover fetch: there it is computed.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { type DataType, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { Internals, TensorData } from "../heap/internals.js";
import { internals } from "../kernels/backend.js";
import { compute, inPieces } from "./compute.js";
import type { Reach } from "./geometry.js";
import type { Operation } from "./operations.js";
import { costOfAll, type Operand, pendingOf, sourcesOf, type Value } from "./value.js";

/** A value that takes more operations than this, or reads more arrays, is not put off any longer. */
const OPERATIONS = 24;
const SOURCES = 6;

/** What costs more than this, or reads more arrays, is computed rather than read in pieces: somebody else may need it, too. */
const COST = 32;
const FEW = 3;

/** An operand of an operation, and how it reaches the result's elements. */
export interface Given {
  readonly info: TensorInfo;
  readonly reach: Reach;
}

/** One backend's values. */
export class Ledger {
  readonly #backend: BackendWasm;
  readonly #owned: Internals;
  /** Values that are not computed, and those that such values are computed of. */
  readonly #values = new WeakMap<object, Value>();
  /** Of the first, those that tensors refer to; of the second, those that none does. */
  #pending = 0;
  #orphans = 0;
  /** The backend's own. */
  readonly #dispose: BackendWasm["disposeData"];

  constructor(backend: BackendWasm) {
    this.#backend = backend;
    this.#owned = internals(backend);
    this.#dispose = backend.disposeData.bind(backend);
    this.#intercept();
  }

  /** True for a tensor that is not computed. */
  isPending({ dataId }: TensorInfo): boolean {
    return this.#pending > 0 && this.#values.get(dataId)?.expression !== undefined;
  }

  /** The number that all elements of a tensor are known to be; undefined of any other. */
  constantOf({ dataId }: TensorInfo): number | undefined {
    const expression = this.#values.get(dataId)?.expression;
    return expression?.operation === "constant" ? expression.constants[0] : undefined;
  }

  /** Puts an operation off. */
  put(
    operation: Operation,
    given: readonly Given[],
    shape: readonly number[],
    { dtype = "float32", constants = [] }: { dtype?: DataType; constants?: readonly number[] } = {},
  ): TensorInfo {
    const size = util.sizeFromShape([...shape]);
    const operands = given.map(({ info, reach }): Operand => ({ value: this.#valueOf(info, size), ...reach }));
    this.#limit(operands, size);
    const value: Value = {
      ...{ dataId: {}, shape, size, dtype, refs: 1, uses: 0, users: new Set<Value>(), orphan: false },
      expression: { operation, operands, constants },
    };
    for (const operand of operands) this.#hold(operand.value, value);
    this.#values.set(value.dataId, value);
    this.#pending++;
    return { dataId: value.dataId, shape: [...shape], dtype };
  }

  /** Sees to it that a tensor is on the heap; false where it is nothing that was put off. */
  compute(dataId: object): boolean {
    const value = this.#values.get(dataId);
    if (!value?.expression) return false;
    this.#settle(value);
    return true;
  }

  /** Lets somebody read a tensor that is not computed, piece by piece; false where it is computed already, or should be. See inPieces. */
  read({ dataId }: TensorInfo, granule: number, read: (address: number, from: number, to: number) => void): boolean {
    const value = this.#values.get(dataId);
    if (!value?.expression || value.dtype !== "float32") return false;
    const pending = pendingOf([value]);
    if (costOfAll(pending) > COST || sourcesOf(pending).size > FEW) return false;
    return inPieces(this.#owned, value, granule, read);
  }

  /** A tensor's value as an operand of a result of this size: one that is not as large is computed first. */
  #valueOf({ dataId, shape, dtype }: TensorInfo, size: number): Value {
    const own = util.sizeFromShape(shape);
    if (own !== size) this.compute(dataId);
    const known = this.#values.get(dataId);
    if (known) return known;
    // What is on another backend comes here.
    this.#backend.dataIdMap.get(dataId);
    const value: Value = {
      ...{ dataId, shape, size: own, dtype, refs: 0, uses: 0, users: new Set<Value>(), orphan: false },
      expression: undefined,
    };
    this.#values.set(dataId, value);
    return value;
  }

  /** Computes operands until what is left is no longer than it may be. */
  #limit(operands: readonly Operand[], size: number): void {
    for (;;) {
      const values = operands.map(({ value }) => value);
      const pending = pendingOf(values);
      const sources = sourcesOf(pending);
      for (const value of values) if (!value.expression && value.size === size) sources.add(value);
      if (pending.length === 0 || (pending.length < OPERATIONS && sources.size <= SOURCES)) return;
      const lengths = values.map((value) => pendingOf([value]).length);
      this.#settle(values[lengths.indexOf(Math.max(...lengths))] as Value);
    }
  }

  #data({ dataId }: Value): TensorData {
    return this.#owned.dataIdMap.data.get(dataId) as TensorData;
  }

  #hold(value: Value, user: Value): void {
    value.uses++;
    value.users.add(user);
    if (value.expression) return;
    // It may just have been computed, and nobody known to need it.
    this.#values.set(value.dataId, value);
    this.#data(value).refCount++;
  }

  #release(value: Value, user: Value): void {
    value.uses--;
    value.users.delete(user);
    if (value.expression) this.#forget(value);
    else {
      this.#data(value).refCount--;
      if (value.uses > 0) return;
      this.#values.delete(value.dataId);
      if (!value.orphan) return;
      this.#orphans--;
      value.orphan = false;
      this.#backend.disposeData(value.dataId, true);
    }
  }

  /** Gives up a value that nobody needs any more. */
  #forget(value: Value): void {
    if (value.refs > 0 || value.uses > 0) return;
    this.#values.delete(value.dataId);
    for (const operand of value.expression?.operands ?? []) this.#release(operand.value, value);
  }

  /** Computes a value. */
  #settle(root: Value): void {
    const computed = compute(this.#owned, root, (dataId) => this.#dispose(dataId, true));
    const operands = computed.map((value) => {
      const { operands } = value.expression as NonNullable<Value["expression"]>;
      value.expression = undefined;
      value.orphan = value.refs === 0;
      if (value.orphan) this.#orphans++;
      else this.#pending--;
      this.#data(value).refCount = value.refs + value.uses;
      if (value.uses === 0) this.#values.delete(value.dataId);
      return { value, operands };
    });
    for (const { value, operands: own } of operands) for (const operand of own) this.#release(operand.value, value);
  }

  /** What the backend's references count, as it would be if everything were computed. */
  #intercept(): void {
    const backend = this.#backend;
    const { dataIdMap } = this.#owned;
    const { incRef, refCount, numDataIds } = backend;
    const { dataMover: mover } = dataIdMap;
    dataIdMap.compute = (dataId) => this.compute(dataId);
    dataIdMap.dataMover = {
      moveData: (to, dataId) => {
        if (!this.compute(dataId)) mover?.moveData(to, dataId);
      },
    };
    backend.numDataIds = () => numDataIds.call(backend) + this.#pending - this.#orphans;
    backend.incRef = (dataId) => {
      const value = this.#values.get(dataId);
      if (value?.expression) value.refs++;
      else incRef.call(backend, dataId);
    };
    backend.refCount = (dataId) => {
      const value = this.#values.get(dataId);
      if (value?.expression) return value.refs;
      return refCount.call(backend, dataId) - (value?.uses ?? 0);
    };
    backend.disposeData = (dataId, force = false) => {
      const value = this.#values.get(dataId);
      if (value?.expression) return this.#disposePending(value, force);
      return value?.uses ? this.#disposeHeld(value, force) : this.#dispose(dataId, force);
    };
  }

  #disposePending(value: Value, force: boolean): boolean {
    value.refs = force ? 0 : value.refs - 1;
    if (value.refs > 0) return false;
    this.#pending--;
    this.#forget(value);
    return true;
  }

  /** Gives up a tensor that values to be computed need: it stays for them, unless it goes to another backend. */
  #disposeHeld(value: Value, force: boolean): boolean {
    if (force) {
      for (const user of [...value.users]) if (user.expression) this.#settle(user);
      return this.#backend.disposeData(value.dataId, true);
    }
    const data = this.#data(value);
    data.refCount--;
    if (data.refCount > value.uses) return false;
    value.orphan = true;
    this.#orphans++;
    return true;
  }
}

const ledgers = new WeakMap<BackendWasm, Ledger>();

/** The backend's ledger; from the first time on, it has one. */
export function ledgerOf(backend: BackendWasm): Ledger {
  const known = ledgers.get(backend);
  if (known) return known;
  const made = new Ledger(backend);
  ledgers.set(backend, made);
  return made;
}
