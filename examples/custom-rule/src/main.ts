/**
 * A rule of one's own at work: with numbers, with its rate learned, and with its rate and its δ learned, by itself.
 */
import { learned } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import "@hypergrad/wasm"; // the rule becomes one fused kernel
import { softsign } from "./softsign.js";
import { train } from "./train.js";

await tf.setBackend("wasm");

/** The learner is the same rule: steps of at most 2 % in the logarithm. */
const learner = softsign({ lr: 0.02, delta: 1e-4 });
const specs = {
  numbers: softsign({ lr: 1e-3 }),
  "lr learned": softsign({ lr: learned(1e-3, learner, { in: "log" }) }),
  "lr and δ learned": softsign({
    lr: learned(1e-3, learner, { in: "log" }),
    delta: learned(1e-2, learner, { in: "log", per: "tensor" }),
  }),
};

console.log(`${"softsign, 300 steps".padEnd(22)}${"loss".padStart(10)}${"lr".padStart(10)}${"δ".padStart(10)}`);
for (const [name, spec] of Object.entries(specs)) {
  const { after, lr, delta } = await train(spec, 300);
  console.log(
    `${name.padEnd(22)}${after.toFixed(5).padStart(10)}${lr.toFixed(4).padStart(10)}${delta.toFixed(4).padStart(10)}`,
  );
}
