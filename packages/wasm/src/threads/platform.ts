/**
 * Processors and workers, as Node has them and as browsers do.
 */
import { browserText, nodeText } from "./worker-text.js";

/** What can be done with a worker on either. */
export interface Thread {
  /** Ends it at once, whatever it does. */
  terminate(): void;
}

/** What a worker begins with. */
export type Given = readonly [memory: WebAssembly.Memory, control: SharedArrayBuffer, me: number];

interface Builtins {
  readonly os: typeof import("node:os");
  readonly worker_threads: typeof import("node:worker_threads");
}

/** A module of Node's: asked for in this way it is in no bundler's way. Undefined elsewhere, and before Node 20.16. */
function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined {
  const { getBuiltinModule } = (globalThis as { process?: { getBuiltinModule?(id: string): unknown } }).process ?? {};
  return getBuiltinModule?.(`node:${name}`) as Builtins[Name] | undefined;
}

export const isNode = (): boolean =>
  typeof (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node === "string";

/** Why there cannot be shared memory here; undefined where there can. */
export function unshared(): string | undefined {
  if (isNode()) return builtin("worker_threads") ? undefined : "this Node cannot start them; 20.16 or newer can";
  if (typeof SharedArrayBuffer === "undefined" || !globalThis.crossOriginIsolated)
    return "the page is not cross-origin isolated; see docs/guide/isolated.md";
  return undefined;
}

/** The most threads that are used unless more are asked for: memory does not keep up with more. */
const MOST = 8;

/**
 * How many threads there are unless another number is asked for.
 *
 * One processor is left to others, except to a program in Node on a machine of two: half of such a machine would be much to give away, and two threads leave it usable, as the system shares
 * processors fairly. A thread of Node's that another has started has one: who starts threads has given them the processors.
 */
export function usualThreads(): number {
  const node = builtin("worker_threads");
  if (node && !node.isMainThread) return 1;
  const processors = builtin("os")?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
  return node && processors === 2 ? 2 : Math.min(MOST, Math.max(1, processors - 1));
}

/** Starts a worker, which keeps no program running. `ended` hears why, should it end by itself. */
export function startThread(given: Given, ended: (why: string) => void): Thread {
  const node = builtin("worker_threads");
  if (node) {
    const worker = new node.Worker(nodeText, { eval: true, workerData: given, execArgv: [], name: "hypergrad" });
    worker.unref();
    worker.on("error", ({ message }) => ended(message));
    worker.on("exit", (code) => ended(`it ended with code ${code}`));
    return worker as unknown as Thread;
  }
  const address = URL.createObjectURL(new Blob([browserText], { type: "text/javascript" }));
  const worker = new Worker(address);
  worker.onerror = ({ message }) =>
    ended(message || "the page's content security policy may forbid workers from blob:");
  worker.postMessage(given);
  return worker;
}
