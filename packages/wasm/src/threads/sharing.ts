/**
 * Shared memory for the backend, and no threads of its own.
 *
 * TensorFlow.js has a build of its WASM backend whose memory is shared. As it starts it also starts eight Workers, from the text of one of its functions: in Node that fails, and in a bundle most
 * minifiers break it (tensorflow/tfjs#4253). Here, while it starts, `Worker` is a stand-in that says "loaded" and runs nothing, and XNNPACK is told to do with the thread that calls.
 */
import { setThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { hasSimd } from "../heap/assemble.js";
import { internalsOf, isShared, memoryOf } from "../heap/internals.js";
import { backendEnded, backendStarted, shouldShare } from "./setting.js";

const FLAG = "WASM_HAS_MULTITHREAD_SUPPORT";

/** What the backend's glue code asks of a Worker. `terminate` it calls when the backend is disposed. */
class StandIn {
  onmessage?: (event: { readonly data: { readonly cmd: string } }) => void;
  onended: (() => void) | undefined;

  postMessage({ cmd }: { readonly cmd: string }): void {
    if (cmd === "load") queueMicrotask(() => this.onmessage?.({ data: { cmd: "loaded" } }));
  }

  terminate(): void {
    this.onended?.();
  }

  on(): void {}
  unref(): void {}
}

/** Puts a stand-in in the place of `Worker` until the first ones are made; all are made in one go. */
function standIn(): { readonly all: readonly StandIn[]; readonly restore: () => void } {
  const before = Object.getOwnPropertyDescriptor(globalThis, "Worker");
  let over = false;
  const restore = (): void => {
    if (over) return;
    over = true;
    if (before) Object.defineProperty(globalThis, "Worker", before);
    else delete (globalThis as { Worker?: unknown }).Worker;
  };
  const all: StandIn[] = [];
  class Made extends StandIn {
    constructor() {
      super();
      if (all.push(this) === 1) queueMicrotask(restore);
    }
  }
  // In Node the glue code puts the Worker of node:worker_threads there.
  Object.defineProperty(globalThis, "Worker", { configurable: true, get: () => Made, set() {} });
  return { all, restore };
}

type Factory = () => object | Promise<object>;

/** Starts the backend on shared memory. */
async function startShared(stock: Factory): Promise<object> {
  // Asked before, so that between the stand-in and its use nobody else has a turn.
  await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  setFlag(true);
  setThreadsCount(1);
  const { all, restore } = standIn();
  try {
    const backend = await stock();
    const { wasm } = internalsOf(backend) ?? {};
    for (const worker of wasm ? all : []) worker.onended = () => backendEnded(wasm as never);
    return backend;
  } finally {
    restore();
  }
}

/** What the flag was last made here. */
let made: boolean | undefined;

function setFlag(value: boolean): void {
  tf.env().set(FLAG, value);
  made = value;
}

/** Whether somebody else has switched the build with threads off. In Node it says false by itself. */
const switchedOff = async (): Promise<boolean> =>
  !tf.env().getBool("IS_NODE") && !(await tf.env().getAsync(FLAG)) && made !== false;

/** Lets every WASM backend that starts from now on have shared memory, where it can and is to have it. */
export function shareMemory(): void {
  const entry = tf.engine().registryFactory["wasm"];
  if (!entry) return;
  const stock = entry.factory as Factory;
  const factory = async (): Promise<object> => {
    const share = hasSimd() && shouldShare() && !(await switchedOff());
    if (!share) setFlag(false);
    const backend = await (share ? startShared(stock) : stock());
    const internals = internalsOf(backend);
    if (internals) backendStarted(internals, isShared(memoryOf(internals)));
    return backend;
  };
  entry.factory = factory as typeof entry.factory;
}
