/**
 * How many threads there are, and why there is one where there is one.
 *
 * Workers start when a kernel first has enough to do for several; a program of small tensors never starts one.
 */
import type { Internals } from "../heap/internals.js";
import { MOST_WORKERS } from "./control.js";
import { isNode, unshared, usualThreads } from "./platform.js";
import { Pool } from "./pool.js";

/** Threads that kernels run on. */
export interface Threads {
  /** The thread that calls, and the workers: they start when a kernel first has enough to do for several. */
  readonly count: number;
  /** Where it is 1: why. */
  readonly reason?: string;
}

/** What was asked for; undefined as long as nobody has. */
let asked: number | undefined;
/** Why workers that should be there are not. */
let trouble: string | undefined;
/** The backends whose memory is shared, each with its pool where there is one. */
const pools = new Map<Internals["wasm"], Pool | undefined>();
/** Whether a backend has started on memory that is not shared. */
let alone = false;
const said = new Set<string>();

const wanted = (): number => asked ?? usualThreads();

/** Why kernels run on one thread; undefined where they run on several. */
function reasonForOne(): string | undefined {
  const impossible = unshared();
  if (impossible) return impossible;
  if (wanted() === 1) {
    return asked === 1 ? "setThreads(1) says so" : "that is what is taken here where setThreads does not say otherwise";
  }
  if (trouble) return trouble;
  if (alone && pools.size === 0) {
    return "the backend has started without shared memory: setThreads(1) was called before, or @hypergrad/wasm was imported after it, or its flag WASM_HAS_MULTITHREAD_SUPPORT is false, or setWasmPath names another file";
  }
  return undefined;
}

/** Whether a backend that starts now should have shared memory. An isolated page asks for the file of that build in any case: which it is must be known before anything is set. */
export const shouldShare = (): boolean => unshared() === undefined && !(isNode() && asked === 1);

/** A backend has started: from now on its kernels may run on several threads if its memory is shared. */
export function backendStarted({ wasm }: Pick<Internals, "wasm">, shared: boolean): void {
  if (shared) pools.set(wasm, undefined);
  else alone = true;
}

export function backendEnded(wasm: Internals["wasm"]): void {
  pools.get(wasm)?.end();
  pools.delete(wasm);
}

function sayOnce(text: string): void {
  if (!said.has(text)) console.warn(`@hypergrad/wasm: ${text}`);
  said.add(text);
}

/** The backend's pool, if its kernels are to run on several threads. */
export function poolOf(internals: Pick<Internals, "wasm">): Pool | undefined {
  const { wasm } = internals;
  const known = pools.get(wasm);
  if (known || !pools.has(wasm) || trouble || wanted() === 1) return known;
  const lost = (why: string): void => {
    const left = 1 + (pools.get(wasm)?.workers ?? 0);
    if (left === 1) trouble = `its threads have ended (${why})`;
    sayOnce(`a thread has ended (${why}); kernels go on on ${left === 1 ? "one thread" : `${left} threads`}.`);
  };
  try {
    const pool = new Pool(internals, wanted() - 1, lost);
    pools.set(wasm, pool);
    return pool;
  } catch (error) {
    trouble = `threads could not be started (${(error as Error).message})`;
    sayOnce(`${trouble}; kernels run on one thread.`);
    return undefined;
  }
}

/** Threads that kernels run on now, and why it is one where it is one. */
export function threads(): Threads {
  const reason = reasonForOne();
  if (reason) return { count: 1, reason };
  const counts = [...pools.values()].map((pool) => (pool ? pool.workers + 1 : wanted()));
  return { count: counts.length > 0 ? Math.max(...counts) : wanted() };
}

/** Resolves when the pool's workers are there, or have ended. */
async function started(pool: Pool): Promise<void> {
  while (pool.ready < pool.workers) await new Promise((resolve) => setTimeout(resolve, 2));
}

/**
 * On how many threads kernels run: products, convolutions, optimizer steps and large elementwise operations. Results have the same bits whatever the number is.
 *
 * It can be called at any time and holds for all backends. In Node, 1 before the backend starts (`tf.setBackend`, `tf.ready`, `useBackend`) lets it start without shared memory, which cannot be
 * changed afterwards. Without it, one processor is left to others, at most 8 threads are used, and on machines of two processors two in Node and one in a browser; a thread of Node's that
 * another has started uses one.
 *
 * @param count A whole number from 1 to 64; 1 ends the workers.
 * @returns A promise of when the threads are there. Nobody needs to wait for it: until then kernels run on those that are.
 * @throws Error for another number. Where there can be one thread only, it warns once and says why; see `threads()`.
 */
export async function setThreads(count: number): Promise<void> {
  if (!Number.isInteger(count) || count < 1 || count > MOST_WORKERS) {
    throw new Error(
      `setThreads takes a whole number of threads from 1 to ${MOST_WORKERS}, not ${String(count)}. 1 is none but the one that calls.`,
    );
  }
  if (count !== asked || trouble) {
    for (const [wasm, pool] of pools) {
      pool?.end();
      pools.set(wasm, undefined);
    }
  }
  asked = count;
  trouble = undefined;
  const reason = count > 1 ? reasonForOne() : undefined;
  if (reason) sayOnce(`setThreads(${count}): kernels run on one thread: ${reason}.`);
  const all = [...pools.keys()].map((wasm) => poolOf({ wasm }));
  await Promise.all(all.map((pool) => pool && started(pool)));
}
