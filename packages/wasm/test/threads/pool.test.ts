/**
 * The pool: who takes part, and what becomes of it when workers end.
 */
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { memoryImport, moduleOf } from "../../src/heap/assemble.js";
import { type Internals, internalsOf, memoryOf } from "../../src/heap/internals.js";
import { setThreads, threads } from "../../src/index.js";
import { count, instantiate, type Kernel, moving, parallel, scratch } from "../../src/threads/parallel.js";
import type { Pool } from "../../src/threads/pool.js";
import { poolOf } from "../../src/threads/setting.js";

let internals: Internals;
let mark: Kernel;

/** Writes into every unit the thread's scratch address, and takes a while for it. */
const text = `(module ${memoryImport(true)}
  (func (export "mark") (param $to i32) (param $units i32) (param $who i32) (local $i i32)
    (loop $unit
      (local.set $i (i32.const 3000000))
      (loop $while (br_if $while (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (i32.store (local.get $to) (local.get $who))
      (local.set $to (i32.add (local.get $to) (i32.const 4)))
      (br_if $unit (local.tee $units (i32.sub (local.get $units) (i32.const 1)))))))`;

beforeAll(async () => {
  await setThreads(3);
  await tf.setBackend("wasm");
  internals = internalsOf(tf.backend()) as Internals;
  mark = instantiate(internals, moduleOf(text))["mark"] as Kernel;
});
afterEach(() => setThreads(1));

/** The scratch addresses that marked some units. */
function marks(units: number): number[] {
  const to = internals.wasm._malloc(4 * units) >>> 0;
  new Int32Array(memoryOf(internals).buffer, to, units).fill(-1);
  parallel(mark, { size: units, grain: 1, scratch: 64 }, [moving(to, 4), count, scratch(0)]);
  const marked = [...new Int32Array(memoryOf(internals).buffer, to, units)];
  internals.wasm._free(to);
  expect(marked).not.toContain(-1);
  return marked;
}

/** Who takes part in jobs, when there have been enough of them for all who should. */
function everybody(expected: number): number {
  const who = new Set<number>();
  for (let tries = 0; tries < 100 && (tries === 0 || who.size < expected); tries++)
    for (const one of marks(8)) who.add(one);
  return who.size;
}

/** The pool's threads, which nothing else need know. */
const threadsOf = (pool: Pool | undefined) =>
  (pool as unknown as { threads: Map<number, { terminate(): unknown }> }).threads;

test("units are shared out among the calling thread and the workers", async () => {
  await setThreads(3);
  expect(everybody(3)).toBe(3);
});

test("a job of one grain stays on the calling thread, and so does everything on one thread", async () => {
  await setThreads(3);
  expect(marks(1)).toEqual([0]);
  await setThreads(1);
  expect(new Set(marks(6))).toEqual(new Set([0]));
});

test("workers know modules that come later, and see memory that has grown", async () => {
  await setThreads(2);
  const before = memoryOf(internals).buffer.byteLength;
  const large = internals.wasm._malloc(before);
  expect(memoryOf(internals).buffer.byteLength).toBeGreaterThan(before);
  const later = instantiate(internals, moduleOf(text.replace("3000000", "3000001")))["mark"] as Kernel;
  const to = (large >>> 0) + before - 64;
  const who = new Set<number>();
  for (let tries = 0; tries < 100 && who.size < 2; tries++) {
    parallel(later, { size: 8, grain: 1, scratch: 64 }, [moving(to, 4), count, scratch(0)]);
    for (const one of new Int32Array(memoryOf(internals).buffer, to, 8)) who.add(one);
  }
  expect(who.size).toBe(2);
  internals.wasm._free(large);
});

describe("a worker that is killed", () => {
  test("is done without: at once, and with a warning when it is heard of", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    await setThreads(3);
    const pool = poolOf(internals) as Pool;
    const ended = threadsOf(pool).get(0)?.terminate();
    expect(marks(8)).toHaveLength(8);
    await ended;
    await vi.waitFor(() => expect(pool.workers).toBe(1));
    expect(threads()).toEqual({ count: 2 });
    expect(everybody(2)).toBe(2);
    await threadsOf(pool).get(1)?.terminate();
    await vi.waitFor(() => expect(threads().count).toBe(1));
    expect(threads().reason).toBe("its threads have ended (it ended with code 1)");
    expect(new Set(marks(8))).toEqual(new Set([0]));
    expect(warn.mock.calls.flat().join("\n")).toBe(
      "@hypergrad/wasm: a thread has ended (it ended with code 1); kernels go on on 2 threads.\n" +
        "@hypergrad/wasm: a thread has ended (it ended with code 1); kernels go on on one thread.",
    );
    await setThreads(2);
    expect(threads()).toEqual({ count: 2 });
    warn.mockRestore();
  });

  test("in the midst of a kernel is an error after a while, and not waited for again", async () => {
    await setThreads(2);
    const pool = poolOf(internals) as Pool;
    pool.patience = 100;
    // As if one had entered and never left.
    const { ints } = pool as unknown as { ints: Int32Array };
    Atomics.add(ints, 2, 1);
    expect(() => marks(4)).toThrow(
      "A thread of the WASM kernels has not answered for 0 seconds. What it was computing is lost; begin again from a checkpoint. From now on kernels run on one thread.",
    );
    expect(new Set(marks(4))).toEqual(new Set([0]));
  });
});

test("a kernel that fails on a worker is an error on the calling thread", async () => {
  await setThreads(2);
  const fails = `(module ${memoryImport(true)} (func (export "fails") (param $who i32) (local $i i32)
    (local.set $i (i32.const 30000000))
    (loop $while (br_if $while (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (i32.store (local.get $who) (i32.const 1))))`;
  const kernel = instantiate(internals, moduleOf(fails))["fails"] as Kernel;
  const run = () => parallel(kernel, { size: 2, grain: 1, scratch: 64 }, [{ own: 64 - 4e9, offset: 4e9 }]);
  const often = () => {
    // Until the worker has come for one.
    for (let tries = 0; tries < 100; tries++) run();
  };
  expect(often).toThrow(
    "A WASM kernel failed on one of several threads. Please report it; setThreads(1) runs it on one.",
  );
  expect(marks(4)).toHaveLength(4);
});

test("a backend that is removed takes its workers with it", async () => {
  await setThreads(2);
  const pool = poolOf(internals) as Pool;
  const factory = tf.findBackendFactory("wasm");
  tf.removeBackend("wasm");
  expect(pool.workers).toBe(0);
  expect(poolOf(internals)).toBeUndefined();
  tf.registerBackend("wasm", factory);
  await tf.setBackend("wasm");
  expect(poolOf(internalsOf(tf.backend()) as Internals)?.workers).toBe(1);
});

test.each([0, 65, 1.5, Number.NaN, "2"])("setThreads(%s) is refused", async (given) => {
  await expect(setThreads(given as number)).rejects.toThrow(
    `setThreads takes a whole number of threads from 1 to 64, not ${given}. 1 is none but the one that calls.`,
  );
});
