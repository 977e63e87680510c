/**
 * The assembler gives the very bytes that watr gives, which assembles all of WebAssembly.
 */
import type { Kernel, Line } from "@hypergrad/core/executors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import assembleAll from "watr/compile";
import type { OperationName } from "../../../core/src/expression/node.js";
import { operations } from "../../../core/src/expression/operations.js";
import { check } from "../../../core/test/check.js";
import { textOf } from "../../src/fused/kernel-text.js";
import { assemble, memoryImport } from "../../src/heap/assemble.js";
import { type Opcode, opcodes } from "../../src/heap/opcodes.js";
import { convolutionText } from "../../src/kernels/convolution-text.js";
import { gemmText } from "../../src/kernels/gemm-text.js";
import { layoutText } from "../../src/kernels/layout-text.js";
import { multiplyAdd } from "../../src/kernels/wat.js";
import { windowText } from "../../src/kernels/window-text.js";

/** Their bytes, as text: of two that differ, a test shows where. */
const expectSame = (text: string): void => {
  expect(Buffer.from(assemble(text)).toString("hex")).toBe(
    Buffer.from(assembleAll(text) as Uint8Array).toString("hex"),
  );
};

describe("The assembler gives watr's bytes", () => {
  test.each([false, true])("for the kernels of a backward pass (memory shared, relaxed multiply-add: %s)", (yes) => {
    const products = gemmText(multiplyAdd(yes));
    expectSame(`(module ${memoryImport(yes)} ${[products, convolutionText, windowText, layoutText].join("\n")})`);
  });

  test("for kernels of any lines, in all modes", () => {
    const names = Object.keys(operations) as OperationName[];
    const line = (index: number): fc.Arbitrary<Line> =>
      index < 3
        ? fc.constant({ op: (["element", "channel", "scalar"] as const)[index] ?? "element", operand: 0 })
        : fc
            .constantFrom(...names)
            .chain((op) =>
              fc
                .array(fc.nat(index - 1), { minLength: operations[op].operands, maxLength: operations[op].operands })
                .map((operands) => ({ op, operands })),
            );
    const kernel: fc.Arbitrary<Kernel> = fc.nat(12).chain((more) =>
      fc.record({
        lines: fc.tuple(...Array.from({ length: 3 + more }, (_, i) => line(i))),
        stores: fc.uniqueArray(fc.nat(2 + more), { minLength: 1, maxLength: 3 }),
        reductions: fc.array(
          fc.record({
            op: fc.constantFrom("sum" as const, "max" as const),
            line: fc.nat(2 + more),
            to: fc.constantFrom("channel" as const, "tensor" as const),
          }),
          { maxLength: 3 },
        ),
      }),
    );
    const mode = fc.constantFrom("flat" as const, "last" as const, "first" as const);
    check(fc.tuple(kernel, mode, fc.boolean()), 100, ([given, how, shared]) => expectSame(textOf(given, how, shared)));
  });

  test.each([...opcodes])("for the instruction %s", (name, { immediate }: Opcode) => {
    const words: Record<Opcode["immediate"], string> = {
      "": "",
      lane: "3",
      lanes: "0 1 2 3 31 30 29 28 7 6 5 4 16 17 18 19",
      memory: "offset=300 align=1",
      "memory lane": "offset=16 2",
      memories: "",
      local: "$y",
      label: "$outer",
      function: "$f",
    };
    const inside = `(block $outer (loop $inner (${name} ${words[immediate]})))`;
    expectSame(
      `(module ${memoryImport(false)} (func $f (param $x i32) (param $y v128) (local $z f64) (local $w f64) ${inside}))`,
    );
    if (immediate.startsWith("memory ") || immediate === "memory") {
      expectSame(`(module ${memoryImport(false)} (func $f (${name} ${immediate.endsWith("lane") ? 0 : ""})))`);
    }
  });

  test("for any number", () => {
    const number = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, -0, 1, -1, 2 ** -149, 1e39));
    const text = (x: number): string =>
      Object.is(x, -0) ? "-0" : Math.abs(x) === Infinity ? (x < 0 ? "-inf" : "inf") : `${x}`;
    check(fc.tuple(fc.integer(), fc.nat(), number), 300, ([whole, offset, x]) => {
      const numbers = `(i32.const ${whole}) (f32.const ${text(Math.fround(x))}) (f64.const ${text(x)})`;
      const vectors = `(v128.const i32x4 ${whole} 0 -1 7) (v128.const f32x4 0 ${text(Math.fround(x))} 1 -inf)`;
      expectSame(`(module (func ${numbers} ${vectors} (i32.load offset=${offset} (i32.const 0))))`);
    });
  });

  test("for conditions with and without a result, in each other's labels", () => {
    const inner = "(if (local.get $x) (then (br $out) (drop (i32.const 1))) (else (br_if $next (local.get $x))))";
    const choice = "(if (result i32) (local.get $x) (then (i32.const 1)) (else (i32.const 2)))";
    expectSame(`(module (func $f (export "f") (export "g") (param $x i32) ;; and a comment (
      (block $out (loop $next ${inner} (drop ${choice})))))`);
  });
});

describe("The assembler refuses", () => {
  const body = (text: string) => () => assemble(`(module (func $f (param $x i32) ${text}))`);
  test("an instruction that it does not know", () => {
    expect(body("(i32.popcount (local.get $x))")).toThrow("no instruction i32.popcount; opcodes.ts lists");
  });
  test("a name that was not declared", () => {
    expect(body("(drop (local.get $y))")).toThrow("no local $y");
    expect(body("(call $g)")).toThrow("no function $g");
    expect(body("(br $out)")).toThrow("no label $out");
  });
  test("a type that there is none of", () => {
    expect(body("(local $y i33)")).toThrow("no type i33; there are i32, i64, f32, f64, v128");
  });
  test("parentheses that do not match", () => {
    expect(() => assemble("(module (func $f)")).toThrow("do not match");
    expect(() => assemble("(module) (module)")).toThrow("do not match");
  });
});
