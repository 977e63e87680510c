/**
 * A peer in a thread of its own, where nothing of Hypergrad is loaded: stock TensorFlow.js backends, and jax-js. It does its work as often as a message says and answers with the
 * milliseconds that each time took; its first message is the loss, by which the work is known to be the same.
 */
import { parentPort, workerData } from "node:worker_threads";

/** What the worker does. */
export type Work = "stock MLP" | "stock MLP forward" | "stock conv net forward" | "cpu conv net" | "jax MLP";

async function stock(
  backend: "wasm" | "cpu",
  network: "mlp" | "convNet",
  pass: "inference" | "gradientsOf" | "trainingStep",
): Promise<() => number> {
  const tf = await import("@tensorflow/tfjs");
  await import(backend === "wasm" ? "@tensorflow/tfjs-backend-wasm" : "@tensorflow/tfjs-backend-cpu");
  await tf.setBackend(backend);
  const networks = await import("../networks.js");
  const net = networks[network]();
  const optimizer = tf.train.adam(1e-3);
  return () => networks[pass](net, optimizer);
}

const works: Readonly<Record<Work, () => Promise<() => number | Promise<number>>>> = {
  "stock MLP": () => stock("wasm", "mlp", "gradientsOf"),
  "stock MLP forward": () => stock("wasm", "mlp", "inference"),
  "stock conv net forward": () => stock("wasm", "convNet", "inference"),
  "cpu conv net": () => stock("cpu", "convNet", "trainingStep"),
  "jax MLP": async () => (await import("./jax.js")).trainer(),
};

const port = parentPort;
if (port) {
  const step = await works[workerData as Work]();
  port.postMessage(await step());
  port.on("message", async (times: number) => {
    const started = performance.now();
    for (let i = 0; i < times; i++) await step();
    port.postMessage((performance.now() - started) / times);
  });
}
