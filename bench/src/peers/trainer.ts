/**
 * A network's training in TensorFlow.js, in a process of its own: `ours`, with @hypergrad/wasm and AdamW, on one thread, or on all that it takes by itself (`threads`); or a backend as it comes with tf.train.adam. Reads requests as JSON lines and
 * answers each with one, as pytorch.py does.
 */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { hyper } from "@hypergrad/core";
import { adamw } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import type { NetworkName } from "../networks/catalogue.js";
import { build, trainingStep } from "../networks/network.js";
import type { By, Memory, Request } from "./process.js";

const [by, name, examples] = process.argv.slice(2) as [By, NetworkName, string?];
const ours = by === "ours" || by === "threads";
if (ours) {
  const { setThreads } = await import("@hypergrad/wasm");
  if (by === "ours") await setThreads(1);
} else await import(by === "wasm" ? "@tensorflow/tfjs-backend-wasm" : "@tensorflow/tfjs-backend-cpu");
await tf.setBackend(ours ? "wasm" : by);
const network = build(name, Number(examples ?? 0));
const optimizer = ours ? hyper(adamw({ lr: 1e-3 })) : tf.train.adam(1e-3);

/** The loss; all gradients go into the file. */
function gradients(file: string): { loss: number } {
  const { value, grads } = tf.variableGrads(network.loss, network.variables);
  const bytes = network.variables.map(
    (variable) => new Uint8Array(tf.cast(grads[variable.name]!, "float32").dataSync().slice().buffer),
  );
  writeFileSync(file, Buffer.concat(bytes));
  const loss = value.dataSync()[0] as number;
  tf.dispose([value, grads]);
  return { loss };
}

function steps(times: number): { wall: number; cpu: number } {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  for (let i = 0; i < times; i++) trainingStep(network, optimizer);
  const { user, system } = process.cpuUsage(cpu);
  return { wall: (performance.now() - wall) / times, cpu: (user + system) / 1e3 / times };
}

/** What a step holds at most; the backend's memory never shrinks. */
async function memory(): Promise<Memory> {
  const { peakBytes } = await tf.profile(() => trainingStep(network, optimizer));
  const { wasm } = tf.backend() as {
    wasm?: { asm?: { memory?: WebAssembly.Memory }; wasmMemory?: WebAssembly.Memory };
  };
  return { tensors: peakBytes, heap: (wasm?.asm?.memory ?? wasm?.wasmMemory)?.buffer.byteLength ?? 0 };
}

function answer(request: Request): object | Promise<object> {
  if ("gradients" in request) return gradients(request.gradients);
  return "memory" in request ? memory() : steps(request.steps);
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  } catch (error) {
    console.log(JSON.stringify({ error: (error as Error).message }));
  }
}
