import "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import { test } from "vitest";
import { judge } from "./errors.js";

test("x", async () => {
  const [size, batch] = (process.env.SB ?? "32,4").split(",").map(Number);
  for (const backend of (process.env.BACKENDS ?? "wasm").split(",")) {
    await tf.setBackend(backend);
    await tf.ready();
    const t = Date.now();
    const { judged: b, farthest } = judge(size!, batch!);
    console.log(backend, size, batch, Date.now() - t, "ms", b.length, "farthest", farthest);
    const top = (f: (j: (typeof b)[0]) => number, n = 6) =>
      b
        .filter((j) => !j.zero)
        .sort((p, q) => f(q) - f(p))
        .slice(0, n)
        .map(
          (j) => `${j.name} ${f(j).toExponential(1)} g ${j.gradient.toExponential(1)} t ${j.terms.toExponential(1)}`,
        );
    console.log("by terms\n" + top((j) => j.error / j.terms).join("\n"));
    console.log("by gradient\n" + top((j) => j.error / j.gradient).join("\n"));
    console.log(
      "zero: exact",
      Math.max(...b.filter((j) => j.zero).map((j) => j.gradient / j.terms)),
      "found",
      Math.max(...b.filter((j) => j.zero).map((j) => j.error / j.terms)),
      b.filter((j) => j.zero).length,
    );
  }
}, 600000);
