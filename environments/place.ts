/**
 * Where a program runs: selects a backend, and says what is really there, so that no environment passes as another.
 */
import { useBackend } from "@hypergrad/core";
import { setPrecise, setThreads, threads } from "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

/** The facts of a place. */
export interface Place {
  readonly backend: string;
  readonly scope: "Node" | "page" | "Worker";
  readonly isolated: boolean;
  /** Of the WASM backend: true for the build with threads. */
  readonly sharedMemory?: boolean;
  /** Of the WASM backend: the threads that its kernels run on. */
  readonly threads?: number;
  /** What draws, for WebGL and WebGPU. */
  readonly device?: string;
}

interface Scope {
  readonly document?: object;
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: {
    readonly gpu?: { requestAdapter(): Promise<{ readonly info: { readonly architecture: string } } | null> };
  };
}
const scope = globalThis as unknown as Scope;

export type BackendName = "cpu" | "wasm" | "webgl" | "webgpu";

/** What kind of program this is. */
export const scopeName = (): Place["scope"] =>
  tf.env().getBool("IS_NODE") ? "Node" : scope.document ? "page" : "Worker";

/** Errors that WebGPU reports to its device and to nobody else. */
const deviceErrors: string[] = [];

function webGlRenderer(): string {
  const { gl } = (tf.backend() as unknown as { gpgpu: { gl: WebGL2RenderingContext } }).gpgpu;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  return String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

/** Makes a backend the active one; the WASM backend's kernels are to run on so many threads. */
export async function selectBackend(backend: BackendName, count: number, wasmFiles?: string): Promise<Place> {
  if (wasmFiles) setWasmPaths(wasmFiles);
  // Numbers are compared between places bit by bit.
  setPrecise(true);
  await setThreads(count);
  // In Node it is found by its name, once there is a navigator.gpu; into a bundle comes what is imported.
  if (backend === "webgpu" && scopeName() !== "Node") await import("@tensorflow/tfjs-backend-webgpu");
  await useBackend(backend);
  await setThreads(count);
  const place = {
    backend: tf.getBackend(),
    scope: scopeName(),
    isolated: scope.crossOriginIsolated ?? false,
  };
  if (backend === "wasm") {
    const { HEAPU8 } = (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm;
    const shared = typeof SharedArrayBuffer !== "undefined" && HEAPU8.buffer instanceof SharedArrayBuffer;
    return { ...place, sharedMemory: shared, threads: threads().count };
  }
  if (backend === "webgl") return { ...place, device: webGlRenderer() };
  if (backend === "webgpu") {
    const { device } = tf.backend() as unknown as { device: EventTarget };
    device.addEventListener("uncapturederror", (event) => {
      deviceErrors.push((event as unknown as { error: Error }).error.message);
    });
    const adapter = await scope.navigator?.gpu?.requestAdapter();
    return { ...place, device: adapter?.info.architecture ?? "none" };
  }
  return place;
}

/** @throws Error for what a device has reported. */
export function throwDeviceErrors(): void {
  if (deviceErrors.length > 0)
    throw new Error(`${deviceErrors.length} errors of the device, the first: ${deviceErrors[0]}`);
}
