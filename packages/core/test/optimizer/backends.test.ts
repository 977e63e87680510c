import { useBackend } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusesLater } from "../support.js";
import { type CompiledCore, compileCore } from "./user-program.js";

let core: CompiledCore;
beforeAll(async () => {
  core = await compileCore();
});
afterAll(() => core.remove());

/** What a program prints as JSON in its last line. */
async function printed(program: string): Promise<unknown> {
  const lines = (await core.run(program)).trim().split("\n");
  return JSON.parse(lines.at(-1) as string);
}

describe("useBackend", () => {
  test.each(["cpu", "wasm"] as const)("loads and selects %s, which the program did not import", async (name) => {
    const result = await printed(`
      import * as tf from "@tensorflow/tfjs-core";
      import { useBackend } from "@hypergrad/core";
      const selected = await useBackend("${name}");
      const values = tf.add(tf.tensor1d([1, 2]), 1).dataSync();
      console.log(JSON.stringify({ ...selected, active: tf.getBackend(), values: [...values] }));
    `);
    expect(result).toEqual({ name, reason: expect.stringContaining("asked for"), active: name, values: [2, 3] });
  });

  test("auto takes one that works, and says why and why not the faster ones", async () => {
    const { name, reason, active } = (await printed(`
      import * as tf from "@tensorflow/tfjs-core";
      import { useBackend } from "@hypergrad/core";
      console.log(JSON.stringify({ ...(await useBackend()), active: tf.getBackend() }));
    `)) as Record<"name" | "reason" | "active", string>;
    const preference = ["tensorflow", "webgpu", "wasm", "webgl", "cpu"];
    expect(preference).toContain(name);
    expect(active).toBe(name);
    expect(reason.length).toBeGreaterThan(10);
    for (const faster of preference.slice(0, preference.indexOf(name))) expect(reason).toContain(`not ${faster}: `);
  });

  test("keeps the backend that a program has registered itself", async () => {
    const before = tf.getBackend();
    expect(await useBackend("wasm")).toMatchObject({ name: "wasm" });
    expect(tf.getBackend()).toBe("wasm");
    await tf.setBackend(before);
  });

  test("refuses an unknown name", async () => {
    for (const name of ["tpu", "toString", "", null]) {
      await refusesLater(
        () => useBackend(name as never),
        `useBackend: the backend is ${JSON.stringify(name)}`,
        'expected "auto", "tensorflow", "webgpu", "wasm", "webgl", "cpu"',
      );
    }
  });

  test("says which package a backend needs where it is missing, and leaves the active one", async () => {
    const result = (await printed(`
      import * as tf from "@tensorflow/tfjs-core";
      import { useBackend } from "@hypergrad/core";
      await useBackend("cpu");
      const error = await useBackend("tensorflow").catch((error) => error.message);
      console.log(JSON.stringify({ error, active: tf.getBackend() }));
    `)) as { error: string; active: string };
    expect(result.active).toBe("cpu");
    expect(result.error).toContain('useBackend: "tensorflow" cannot be used');
    expect(result.error).toContain("@tensorflow/tfjs-node-gpu is not installed");
    expect(result.error).toContain("@tensorflow/tfjs-node is not installed");
    expect(result.error).toMatch(/Install .*@tensorflow\/tfjs-node-gpu or @tensorflow\/tfjs-node/);
    expect(result.error).toContain('take "auto"');
  });

  test("tells nobody to install what would not help", async () => {
    const error = await printed(`
      import { useBackend } from "@hypergrad/core";
      console.log(JSON.stringify(await useBackend("webgl").catch((error) => error.message)));
    `);
    expect(error).toBe('useBackend: "webgl" cannot be used: it is for a browser. Take "auto".');
  });

  test("says so where a package is there but does not load, as without its native addon", async () => {
    const error = await printed(`
      import { mkdir, writeFile } from "node:fs/promises";
      const broken = new URL("./node_modules/@tensorflow/tfjs-node/", import.meta.url);
      await mkdir(broken, { recursive: true });
      await writeFile(new URL("package.json", broken), '{ "main": "index.js" }');
      await writeFile(new URL("index.js", broken), 'throw new Error("The Node.js native addon module can not be found")');
      const { useBackend } = await import("@hypergrad/core");
      console.log(JSON.stringify(await useBackend("tensorflow").catch((error) => error.message)));
    `);
    expect(error).toContain("@tensorflow/tfjs-node is installed but does not load");
    expect(error).toContain("native addon module can not be found");
  });
});

describe("without registered gradients", () => {
  test("a program with tfjs-core alone is told what to import, and nothing is changed", async () => {
    const result = await printed(`
      import * as tf from "@tensorflow/tfjs-core";
      import "@tensorflow/tfjs-backend-cpu";
      import { hyper, nonNegative, rule } from "@hypergrad/core";
      const descent = rule({
        name: "descent",
        hyperparameters: { lr: nonNegative(0.5) },
        state: {},
        update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
      });
      const w = tf.variable(tf.tensor1d([1, 2]), true, "w");
      const optimizer = hyper(descent());
      const { numTensors } = tf.memory();
      const messageOf = (f) => { try { f(); } catch (error) { return error.message; } };
      const loss = () => tf.sum(tf.mul(w, w));
      const messages = [messageOf(() => optimizer.minimize(loss)), messageOf(() => optimizer.computeGradients(loss))];
      const leaked = tf.memory().numTensors - numTensors;
      const unchanged = [...w.dataSync()];
      optimizer.applyGradients({ w: tf.tensor1d([1, 1]) });
      console.log(JSON.stringify({ messages, leaked, unchanged, stepped: [...w.dataSync()], iterations: optimizer.iterations }));
    `);
    const message = expect.stringMatching(/No gradient functions are registered.*Import "@tensorflow\/tfjs"/);
    expect(result).toEqual({
      messages: [message, message],
      leaked: 0,
      unchanged: [1, 2],
      // Gradients that come from elsewhere need none.
      stepped: [0.5, 1.5],
      iterations: 1,
    });
  });
});
