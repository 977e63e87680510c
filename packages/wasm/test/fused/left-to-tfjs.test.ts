import "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import "../../src/index.js";
import { hyper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { endless, expectClose, expected, numbers, step, tensor } from "./stepping.js";

beforeEach(async () => {
  await tf.setBackend("wasm");
});

describe("what no kernel can do is left to TensorFlow.js operations", () => {
  test("a rule of too many operations, with one warning that names the rule", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const p = tensor([9], 0);
    const variable = tf.variable(p);
    const optimizer = hyper(endless);
    for (const t of [1, 2]) step(optimizer, variable, t);
    expectClose(variable.dataSync(), expected(endless, [9], 2));
    expect(warn.mock.calls.map(([text]) => text).filter((text) => text.includes("endless"))).toEqual([
      expect.stringMatching(/endless: update is not compiled: it has \d+ operations, more than 2000/),
    ]);
    optimizer.dispose();
    tf.dispose([p, variable]);
    warn.mockRestore();
  });

  test("every step, where the engine has no SIMD, with one warning", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const validate = vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    vi.resetModules();
    try {
      await import("../../src/index.js");
      const texts = warn.mock.calls.map(([text]) => String(text));
      expect(texts.filter((text) => text.includes("has no SIMD"))).toHaveLength(1);
      const { tensorExecutor } = await import("@hypergrad/core/executors");
      const { compile } = await import("../../../core/src/expression/program.js");
      const { input } = await import("../../../core/src/expression/expression.js");
      const { layoutOf } = await import("../../../core/src/expression/layout.js");
      const x = tensor([4], 0);
      const executor = tensorExecutor(() => "host", true);
      const { y } = executor.run(compile({ y: input("x", "element").mul(2) }), { x }, layoutOf([4]));
      expectClose(
        (y as tf.Tensor).dataSync(),
        numbers(4, 0).map((value) => 2 * value),
      );
      tf.dispose([x, y as tf.Tensor]);
    } finally {
      validate.mockRestore();
      warn.mockRestore();
      vi.resetModules();
    }
  });
});
