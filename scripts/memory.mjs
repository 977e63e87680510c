/**
 * What a training step with AdamW holds on the WASM heap at most, of every network of the benchmarks: with this package's backward pass, and with TensorFlow.js's on the same kernels.
 * Needs a build (npm run build).
 *
 *   node scripts/memory.mjs
 */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const [name, stock] = process.argv.slice(2);
const { networks } = await import("../bench/dist/networks/catalogue.js");

/** The most that tensors held at one time in a second step, and the heap's size after it, in MiB. */
async function measure() {
  const tf = createRequire(new URL("../bench/package.json", import.meta.url))("@tensorflow/tfjs");
  await import("../packages/wasm/dist/index.js");
  const { hyper } = await import("../packages/core/dist/index.js");
  const { adamw } = await import("../packages/optimizers/dist/index.js");
  const { build, trainingStep } = await import("../bench/dist/networks/network.js");
  await tf.setBackend("wasm");
  if (stock) {
    for (const own of ["gradients", "getTensorsForGradient", "saveTensorsForBackwardMode"]) delete tf.engine()[own];
  }
  const { wasm } = tf.backend();
  const { _malloc: malloc, _free: free } = wasm;
  const sizes = new Map();
  let held = 0;
  let most = 0;
  wasm._malloc = (bytes) => {
    const address = malloc(bytes);
    sizes.set(address, bytes);
    held += bytes;
    most = Math.max(most, held);
    return address;
  };
  wasm._free = (address) => {
    held -= sizes.get(address) ?? 0;
    sizes.delete(address);
    free(address);
  };
  const network = build(name);
  const optimizer = hyper(adamw({ lr: 1e-3 }));
  trainingStep(network, optimizer);
  most = 0;
  trainingStep(network, optimizer);
  return [most, wasm.HEAPU8.length].map((bytes) => Math.round(bytes / 2 ** 20));
}

if (name) {
  console.log(JSON.stringify(await measure()));
  process.exit(0);
}
console.log(
  "| network | tensors, MiB | heap | with TensorFlow.js's backward pass | heap |\n| --- | --- | --- | --- | --- |",
);
for (const network of Object.keys(networks)) {
  const run = (...words) => {
    const out = execFileSync(process.execPath, [fileURLToPath(import.meta.url), network, ...words], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return JSON.parse(out.trim().split("\n").at(-1));
  };
  console.log(`| ${[network, ...run(), ...run("stock")].join(" | ")} |`);
}
