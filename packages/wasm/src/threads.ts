/**
 * On a cross-origin-isolated page the backend runs on threads, which it starts from the text of one of its own functions. That function asks by `typeof` for a
 * variable that is not there in a thread. Most minifiers know that it is there outside, and leave the question out: every thread then dies, and `setBackend("wasm")` never answers
 * (tensorflow/tfjs#4253).
 */
import { env } from "@tensorflow/tfjs-core";

/** Defined in dist/wasm.min.js alone, beside which TensorFlow.js comes as its makers have built it. */
declare const STANDS_ALONE: true | undefined;

/** A function like that one, in the same hands: what a minifier does to it, it does to the backend's. */
function likeTheBackends(): () => unknown {
  let outside = typeof document !== "undefined" && document.currentScript ? document.baseURI : undefined;
  if (typeof location !== "undefined") outside = outside || location.href;
  return () => typeof outside !== "undefined" && outside;
}

/** True where the backend's threads are as they were written. */
const intact = (): boolean => typeof STANDS_ALONE !== "undefined" || String(likeTheBackends()).includes("typeof");

/** Whether the backend will run on threads; where they would die, it is told not to. */
export function threadsWork(): boolean {
  if (!globalThis.crossOriginIsolated) return false;
  if (intact()) return true;
  env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  console.warn(
    "@hypergrad/wasm: the threads of TensorFlow.js's WASM backend do not survive this bundle's minifier (tensorflow/tfjs#4253); it runs on one thread.",
  );
  return false;
}
