/**
 * What `useBackend` takes in a page, from a bundle: the best of the backends that the program has imported, with the reasons, and what it says of one that cannot be had.
 */
import { type BackendName, useBackend } from "@hypergrad/core";
import "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

function expectParts(what: string, text: string, parts: readonly string[]): void {
  const missing = parts.find((part) => !text.includes(part));
  if (missing) throw new Error(`${what} says "${text}", expected a word of "${missing}"`);
}

/** That one is taken, works, and is said to be taken for these reasons. */
async function takes(asked: BackendName | "auto", name: BackendName, ...reasons: readonly string[]): Promise<void> {
  const selected = await useBackend(asked);
  const what = `useBackend("${asked}")`;
  if (selected.name !== name || tf.getBackend() !== name) {
    throw new Error(
      `${what} takes ${selected.name} and leaves ${tf.getBackend()} (${selected.reason}), expected ${name}`,
    );
  }
  expectParts(what, selected.reason, reasons);
  const three = tf.tidy(() => tf.sum(tf.ones([3])));
  if ((await three.data())[0] !== 3) throw new Error(`${what}: ${name} cannot count`);
  three.dispose();
}

/** That one is refused in these words, and the active one left. */
async function refuses(asked: BackendName, ...parts: readonly string[]): Promise<void> {
  const before = tf.getBackend();
  const message = await useBackend(asked).then(
    ({ name }) => `nothing, and takes ${name}`,
    (error: Error) => error.message,
  );
  expectParts(`useBackend("${asked}")`, message, parts);
  if (tf.getBackend() !== before)
    throw new Error(`useBackend("${asked}") leaves ${tf.getBackend()}, expected ${before}`);
}

interface Gpu {
  requestAdapter(): Promise<object | null>;
}

/** Puts another adapter in the place of the one in software. */
function adapterBecomes(change: (adapter: object | null) => object | null): void {
  const { gpu } = navigator as unknown as { gpu: Gpu };
  const request = Object.getPrototypeOf(gpu).requestAdapter as Gpu["requestAdapter"];
  gpu.requestAdapter = async () => change(await request.call(gpu));
}

const byName = "and it cannot be found by its name in a browser. Install what it needs and import it";

/**
 * Goes from a page that has imported WASM, WebGL and plain JavaScript to one with WebGPU too, and down to plain JavaScript.
 *
 * @throws Error for the first choice or message that is another.
 */
export async function checkChoices(wasmFiles: string): Promise<void> {
  setWasmPaths(wasmFiles);
  await takes("auto", "wasm", "not tensorflow: it is for Node", "not webgpu: the only WebGPU adapter is a slow one");
  await takes("webgl", "webgl", "asked for");
  await refuses("tensorflow", 'it is for Node. Take "auto".');
  await refuses("webgpu", "nothing in this program imports", byName, 'import "@tensorflow/tfjs-backend-webgpu"');

  await import("@tensorflow/tfjs-backend-webgpu");
  await takes("webgpu", "webgpu", "asked for");
  await takes("auto", "wasm", "not webgpu: the only WebGPU adapter is a slow one");
  const hardware = (adapter: object | null) =>
    adapter && Object.defineProperty(adapter, "info", { value: { isFallbackAdapter: false } });
  adapterBecomes(hardware);
  await takes("auto", "webgpu", "WebGPU on this machine's adapter; not tensorflow");
  adapterBecomes(() => null);
  await refuses("webgpu", 'there is no WebGPU adapter. Take "auto".');
  await takes("auto", "wasm", "not webgpu: there is no WebGPU adapter");

  tf.removeBackend("wasm");
  await takes("auto", "webgl", "not wasm: nothing in this program imports @tensorflow/tfjs-backend-wasm");
  await refuses("wasm", byName, 'import "@tensorflow/tfjs-backend-wasm"');
  tf.removeBackend("webgl");
  await takes("auto", "cpu", "not webgl: nothing in this program imports @tensorflow/tfjs-backend-webgl");
}
