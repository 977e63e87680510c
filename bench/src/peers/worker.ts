/**
 * A peer in a thread of its own, where nothing of Hypergrad is loaded: stock TensorFlow.js backends, and jax-js. It does its work once for each message and answers with the
 * milliseconds that it took; its first message is the loss, by which the work is known to be the same.
 */
import { parentPort, workerData } from "node:worker_threads";

/** What the worker does. */
export type Work = "stock MLP" | "cpu conv net" | "jax MLP";

async function stock(backend: "wasm" | "cpu", network: "mlp" | "convNet", train: boolean): Promise<() => number> {
  const tf = await import("@tensorflow/tfjs");
  await import(backend === "wasm" ? "@tensorflow/tfjs-backend-wasm" : "@tensorflow/tfjs-backend-cpu");
  await tf.setBackend(backend);
  const networks = await import("../networks.js");
  const net = networks[network]();
  const optimizer = tf.train.adam(1e-3);
  return () => (train ? networks.trainingStep(net, optimizer) : networks.gradientsOf(net));
}

const works: Readonly<Record<Work, () => Promise<() => number | Promise<number>>>> = {
  "stock MLP": () => stock("wasm", "mlp", false),
  "cpu conv net": () => stock("cpu", "convNet", true),
  "jax MLP": async () => (await import("./jax.js")).trainer(),
};

const port = parentPort;
if (port) {
  const step = await works[workerData as Work]();
  port.postMessage(await step());
  port.on("message", async () => {
    const started = performance.now();
    await step();
    port.postMessage(performance.now() - started);
  });
}
