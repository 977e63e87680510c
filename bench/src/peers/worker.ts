/**
 * A peer in a thread of its own, where nothing of Hypergrad is loaded: stock TensorFlow.js backends, and jax-js. It does its work as often as a message says and answers with the
 * milliseconds that each time took; its first message is the loss, by which the work is known to be the same.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { NetworkName } from "../networks/catalogue.js";

/** What the worker does. */
export type Work = "stock MLP" | "stock MLP forward" | "stock conv net forward" | "cpu conv net" | "jax MLP";

async function stock(
  backend: "wasm" | "cpu",
  name: NetworkName,
  pass: "inference" | "gradientsOf" | "trainingStep",
): Promise<() => number> {
  const tf = await import("@tensorflow/tfjs");
  await import(backend === "wasm" ? "@tensorflow/tfjs-backend-wasm" : "@tensorflow/tfjs-backend-cpu");
  await tf.setBackend(backend);
  const passes = await import("../networks/network.js");
  const network = passes.build(name);
  const optimizer = tf.train.adam(1e-3);
  return () => passes[pass](network, optimizer);
}

const works: Readonly<Record<Work, () => Promise<() => number | Promise<number>>>> = {
  "stock MLP": () => stock("wasm", "MLP", "gradientsOf"),
  "stock MLP forward": () => stock("wasm", "MLP", "inference"),
  "stock conv net forward": () => stock("wasm", "small conv net", "inference"),
  "cpu conv net": () => stock("cpu", "small conv net", "trainingStep"),
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
