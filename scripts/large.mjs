/**
 * How large a model trains in the 4 GiB of a WASM heap: dense layers of 4096 × 4096 without activations, as many as make so many million parameters.
 *
 *   node scripts/large.mjs 170            AdamW, batches of 8
 *   node scripts/large.mjs 100 ftp 32     AdamW with FTP, batches of 32
 *
 * Prints what the heap holds after each of three steps, in bytes a parameter, or what stopped it. Needs a build (npm run build) and 6 GB of memory.
 */
import { createRequire } from "node:module";
import { adamw } from "../packages/optimizers/dist/index.js";

// TensorFlow.js as the benchmarks have it.
const require = createRequire(new URL("../bench/package.json", import.meta.url));
const tf = require("@tensorflow/tfjs");
const { ftp } = await import("../packages/ftp/dist/index.js");
const { hyper } = await import("../packages/core/dist/index.js");
await import("../packages/wasm/dist/index.js");

const [millions = "170", rule = "adamw", batch = "8"] = process.argv.slice(2);
const WIDTH = 4096;
const layers = Math.round((Number(millions) * 1e6) / WIDTH ** 2);
const parameters = layers * WIDTH ** 2;

await tf.setBackend("wasm");
const { wasm } = tf.backend();
const perParameter = (bytes) => (bytes / parameters).toFixed(2);

console.log(`${layers} layers, ${(parameters / 1e6).toFixed(1)} million parameters, ${rule}, batches of ${batch}`);
const weights = Array.from({ length: layers }, (_, i) => {
  const first = tf.randomNormal([WIDTH, WIDTH], 0, 1 / Math.sqrt(WIDTH), "float32", i + 1);
  const variable = tf.variable(first);
  first.dispose();
  return variable;
});
const x = tf.randomNormal([Number(batch), WIDTH], 0, 1, "float32", 99);
const optimizer = hyper(rule === "ftp" ? ftp(adamw({ lr: 1e-4 })) : adamw({ lr: 1e-4 }));
try {
  for (let step = 1; step <= 3; step++) {
    const loss = optimizer.minimize(
      () =>
        weights
          .reduce((y, w) => tf.matMul(y, w), x)
          .square()
          .mean(),
      true,
      weights,
    );
    const held = `tensors ${perParameter(tf.memory().numBytes)}, heap ${perParameter(wasm.HEAPU8.length)} bytes a parameter`;
    console.log(
      `step ${step}: loss ${loss.dataSync()[0].toFixed(4)}; ${held} (${(wasm.HEAPU8.length / 2 ** 30).toFixed(2)} GiB)`,
    );
    loss.dispose();
  }
} catch (error) {
  console.log(`stopped at ${(wasm.HEAPU8.length / 2 ** 30).toFixed(2)} GiB: ${error.message}`);
}
