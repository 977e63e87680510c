/**
 * A network's training in TensorFlow.js, in a process of its own: `ours`, with @hypergrad/wasm and its AdamW, or a backend as it comes with tf.train.adam. Reads requests as JSON lines and
 * answers each with one, as pytorch.py does.
 */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { hyper } from "@hypergrad/core";
import { adamw } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import type { NetworkName } from "../networks/catalogue.js";
import { build, trainingStep } from "../networks/network.js";
import type { Request } from "./process.js";

const [by, name] = process.argv.slice(2) as ["ours" | "wasm" | "cpu", NetworkName];
if (by === "ours") await import("@hypergrad/wasm");
else await import(by === "wasm" ? "@tensorflow/tfjs-backend-wasm" : "@tensorflow/tfjs-backend-cpu");
await tf.setBackend(by === "ours" ? "wasm" : by);
const network = build(name);
const optimizer = by === "ours" ? hyper(adamw({ lr: 1e-3 })) : tf.train.adam(1e-3);

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

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  try {
    console.log(JSON.stringify("gradients" in request ? gradients(request.gradients) : steps(request.steps)));
  } catch (error) {
    console.log(JSON.stringify({ error: (error as Error).message }));
  }
}
