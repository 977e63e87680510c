/**
 * The first training step of the conv net, in a process where nothing is compiled yet. Prints the milliseconds that it took, and before that those of importing @hypergrad/wasm.
 *
 * The argument says by which optimizer. Both have the kernels of @hypergrad/wasm: the stock backend cannot train a conv net.
 */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { hyper, learned } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw, sgd } from "@hypergrad/optimizers";
import { build, trainingStep } from "../networks/network.js";

const before = performance.now();
await import("@hypergrad/wasm");
const importing = performance.now() - before;
await tf.setBackend("wasm");
const network = build("small conv net");
const optimizer =
  process.argv[2] === "tf.train.adam"
    ? tf.train.adam(1e-3)
    : hyper(ftp(adamw({ lr: learned(1e-3, sgd({ lr: 1e-12 })) })));
const started = performance.now();
trainingStep(network, optimizer);
console.log(JSON.stringify({ importing, step: performance.now() - started }));
