/**
 * JavaScript's own arithmetic and choices, in a rule: refused with the method to write, where JavaScript lets anybody notice.
 */
import { type Expr, hyper, learned, nonNegative, rule, select } from "@hypergrad/core";
import { describe, expect, test } from "vitest";
import { listed, shown } from "../../src/expression/shown.js";
import { descent, refuses } from "../support.js";

/** What an author who has no types writes. */
// biome-ignore lint/suspicious/noExplicitAny: that is the point
type Untyped = any;

function built(update: (inputs: Untyped) => Untyped): void {
  const made = rule({
    name: "r",
    hyperparameters: { lr: nonNegative(0.1) },
    state: {},
    update: (inputs) => ({ p: update(inputs) }),
  });
  // Learned: what a number would be is an expression that is read from its cell.
  hyper(made({ lr: learned(0.1, descent()) })).dispose();
}

describe("arithmetic of JavaScript on an expression is refused:", () => {
  const cases: readonly [string, (x: Untyped) => Untyped, string][] = [
    ["-lr", ({ p, g, lr }) => p.add(g.mul(-lr)), 'the expression "lr"'],
    ["p - lr * g", ({ p, g, lr }) => p - lr * g, 'the expression "lr"'],
    ["p - g", ({ p, g }) => p - g, 'the expression "p"'],
    ["g / 2", ({ p, g }) => p.sub(g / 2), 'the expression "g"'],
    ["g ** 2", ({ p, g }) => p.sub(g ** 2), 'the expression "g"'],
    ["g % 2", ({ p, g }) => p.sub(g % 2), 'the expression "g"'],
    ["Math.sqrt(g)", ({ p, g }) => p.sub(Math.sqrt(g)), 'the expression "g"'],
    ["Math.max(g, 0)", ({ p, g }) => p.sub(Math.max(g, 0)), 'the expression "g"'],
    ["t > 5 ? 0 : 1", ({ p, g, t }) => p.sub(g.mul(t > 5 ? 0 : 1)), 'the expression "t"'],
    ["Number(t)", ({ p, t }) => p.sub(Number(t)), 'the expression "t"'],
    ["of a result", ({ p, g }) => p.sub(-g.square()), 'the expression of "square"'],
  ];
  test.each(cases)("%s", (_, update, what) => {
    refuses(
      () => built(update),
      `JavaScript computes or compares with ${what}`,
      "x.sub(y)",
      "x.mul(y)",
      "x.neg()",
      "x.sqrt()",
      "select(x.greater(y), yes, no)",
      "sub(1, x)",
    );
  });

  const additions: readonly [string, (x: Untyped) => Untyped][] = [
    ["g + 1", ({ p, g }) => p.sub(g + 1)],
    ["1 + g", ({ p, g }) => p.sub(1 + g)],
    // biome-ignore lint/suspicious/noDoubleEquals: what is tested
    ["g == 0", ({ p, g }) => (g == 0 ? p : p.sub(1))],
  ];
  test.each(additions)("%s", (_, update) => {
    refuses(() => built(update), 'JavaScript adds or compares the expression "g"', "x.add(y)", "x.greater(y)");
  });

  test("on a comparison, where it counts as a number", () => {
    refuses(
      () => built(({ p, g }) => p.sub(g.greater(0) * 2)),
      'JavaScript computes or compares with the condition of "greater"',
      "select(condition, yes, no)",
    );
  });

  test("and of what comes of its text: NaN is no operand", () => {
    refuses(
      () => built(({ p, g }) => p.sub(Number.parseFloat(g))),
      "sub: an operand is NaN",
      "a finite number or an expression",
    );
  });
});

test("an expression in a message has a text", () => {
  let text = "";
  built(({ p, g, lr }) => {
    const up = g.greater(0);
    text = `${g}, ${lr.mul(g)}, ${up}, ${g.mul(2)}`;
    return select(up, p, p.sub(g.mul(lr)));
  });
  expect(text).toBe('the expression "g", the expression of "mul", the condition of "greater", the expression of "mul"');
});

describe("a number that is not finite is no operand:", () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%d", (x) => {
    refuses(() => built(({ p, g }) => p.sub(g.mul(x))), `mul: an operand is ${x}`, "a finite number or an expression");
    refuses(() => built(() => x), `rule "r": the new p is ${x}`, "a finite number or an expression");
  });
});

describe("a choice by JavaScript on a comparison is refused:", () => {
  const cases: readonly [string, (x: Untyped) => Untyped][] = [
    ["? :", ({ p, g, t }) => p.sub(t.greater(5) ? g : g.mul(2))],
    [
      "if",
      ({ p, g, t }) => {
        if (t.equal(1)) return p;
        return p.sub(g);
      },
    ],
    ["!", ({ p, g, t }) => p.sub(g.mul(!t.equal(1) ? 1 : 2))],
    ["&&", ({ p, g, t }) => p.sub(select(t.greater(1) && t.less(5), g, 0))],
  ];
  test.each(cases)("%s", (_, update) => {
    refuses(
      () => built(update),
      'rule "r": update: nothing reads the condition of',
      "select(x.greater(0), yes, no)",
      "or remove the comparison",
    );
  });

  test("in a transform of the hyper-gradient too", () => {
    const gradient = (d: Expr) => (d.greater(0) ? d : 0);
    refuses(() => hyper(descent({ lr: learned(0.1, descent(), { gradient }) })), "learned: gradient: nothing reads");
  });

  test("but select decides in every step", () => built(({ p, g, t }) => p.sub(select(t.greater(5), g, g.mul(2)))));
});

describe("what is shown of something", () => {
  test.each([
    [1, "1"],
    [-0, "0"],
    ["a", '"a"'],
    [null, "null"],
    [undefined, "undefined"],
    [12n, "12"],
    [Symbol("s"), "Symbol(s)"],
    [[1, ["a", null]], '[1,["a",null]]'],
    [{ lr: 1, by: { deep: {} } }, '{"lr":1,"by":{"deep":{}}}'],
    [JSON.parse('{"constructor":{"name":{}},"__proto__":1}'), '{"constructor":{"name":{}},"__proto__":1}'],
    [Object.create(null), "{}"],
    [new Float32Array(3), "Float32Array"],
    [Math.sqrt, "the function sqrt"],
    [() => 0, "the function without a name"],
  ])("%o is short", (given, text) => {
    expect(shown(given)).toBe(text);
  });

  test("is short whatever it is: deep, wide, long or in a circle", () => {
    let deep: unknown[] = [];
    for (let i = 0; i < 1e5; i++) deep = [deep];
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const it of [deep, circle, "x".repeat(1e6), Array.from({ length: 1e5 }, () => "y".repeat(1e3))]) {
      expect(shown(it).length).toBeLessThanOrEqual(200);
    }
  });

  test("of a list of names is as many as fit", () => {
    expect(listed([])).toBe("none");
    expect(listed(["a", "b"])).toBe("a, b");
    const many = Array.from({ length: 300 }, (_, i) => `layer_${i}/kernel`);
    expect(listed(many)).toMatch(/^layer_0\/kernel, layer_1\/kernel, .* and 28\d more$/);
    expect(listed(["x".repeat(1e6), "y"]).length).toBeLessThan(250);
  });
});
