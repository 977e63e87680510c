/**
 * Mistakes in a rule that TypeScript sees: the type check fails where one of these lines compiles. Nothing here is run but the counterparts
 * that only show when an optimizer is built.
 */
import {
  type Condition,
  type Expr,
  hyper,
  learned,
  max,
  mean,
  minimum,
  nonNegative,
  type RuleFactory,
  rule,
  select,
  slot,
  sum,
} from "@hypergrad/core";
import { describe, test } from "vitest";
import { descent, refuses } from "../support.js";

declare const element: Expr<"element">;
declare const channel: Expr<"channel">;
declare const tensor: Expr<"tensor">;
declare const model: Expr<"model">;
declare const condition: Condition<"element">;

/** Compiled, never called. */
export const grainsAreInferred = (): unknown[] => [
  element.mul(channel) satisfies Expr<"element">,
  channel.mul(tensor) satisfies Expr<"channel">,
  tensor.mul(2) satisfies Expr<"tensor">,
  sum(element, "channel") satisfies Expr<"channel">,
  max(sum(element, "channel"), "tensor") satisfies Expr<"tensor">,
  minimum(1, tensor.div(channel)) satisfies Expr<"channel">,
  select(element.greater(0), channel, 0) satisfies Expr<"element">,
  // @ts-expect-error: what is computed from a channel's value has at least one value per channel
  tensor.mul(channel) satisfies Expr<"tensor">,
];

export const reductionsNeedSomethingToReduce = (): unknown[] => [
  // @ts-expect-error: one value per tensor already
  sum(tensor, "tensor"),
  // @ts-expect-error: one value per channel already
  max(channel, "channel"),
  // @ts-expect-error: one value for the model already
  mean(model, "tensor"),
  // @ts-expect-error: no reduction is per element
  sum(element, "element"),
];

export const conditionsAreNoNumbers = (): unknown[] => [
  select(condition, 1, 0),
  // @ts-expect-error: a truth value, not a number
  element.mul(condition),
  // @ts-expect-error: a truth value has no arithmetic
  condition.add(1),
  // @ts-expect-error: a number is no condition
  select(element, 1, 0),
  // @ts-expect-error: always false
  model === 5,
  // @ts-expect-error: no number yet
  model > 5,
  // @ts-expect-error: no number yet
  element - tensor,
];

export const slotsHoldTheirGrain = (): unknown[] => [
  rule({
    name: "coarser values fit",
    hyperparameters: {},
    state: { n: slot("channel", 0) },
    update: ({ p, g }) => ({ p, n: sum(g, "tensor") }),
  }),
  rule({
    name: "a value per element for a channel's slot",
    hyperparameters: {},
    state: { n: slot("channel", 0) },
    // @ts-expect-error: one value per element does not fit into one per channel
    update: ({ p, g }) => ({ p, n: g }),
  }),
  rule({
    name: "a value per channel for a tensor's slot",
    hyperparameters: {},
    state: { n: slot("tensor", 0) },
    // @ts-expect-error: one value per channel does not fit into one per tensor
    update: ({ p, g }) => ({ p, n: sum(g, "channel") }),
  }),
  rule({
    name: "a slot forgotten",
    hyperparameters: {},
    state: { m: 0 },
    // @ts-expect-error: the new value of m is missing
    update: ({ p }) => ({ p }),
  }),
  rule({
    name: "no parameter",
    hyperparameters: {},
    state: {},
    // @ts-expect-error: the new parameter is missing
    update: () => ({}),
  }),
  rule({
    name: "a name that is not there",
    hyperparameters: { lr: nonNegative(0.1) },
    state: {},
    // @ts-expect-error: there is no learningRate among the inputs
    update: ({ p, g, learningRate }) => ({ p: p.sub(g.mul(learningRate)) }),
  }),
  rule({
    name: "a condition for a parameter",
    hyperparameters: {},
    state: {},
    // @ts-expect-error: a truth value is no parameter
    update: ({ p, g }) => ({ p: p.greater(g) }),
  }),
];

export const settingsAreNamed = (): unknown[] => [
  descent({ lr: 1 }),
  descent({ lr: (t) => 1 / (1 + t) }),
  descent({ lr: learned(1, descent()) }),
  // @ts-expect-error: there is no such hyperparameter
  descent({ learningRate: 1 }),
  // @ts-expect-error: neither a number nor a schedule nor learned
  descent({ lr: "0.1" }),
  // @ts-expect-error: a schedule returns a number
  descent({ lr: () => "0.1" }),
  // @ts-expect-error: a learner is an optimizer
  learned(1, 0.1),
  // @ts-expect-error: no such grain
  learned(1, descent(), { per: "layer" }),
  // @ts-expect-error: no such coordinate
  learned(1, descent(), { in: "sqrt" }),
  // @ts-expect-error: no such option
  learned(1, descent(), { grain: "tensor" }),
  // @ts-expect-error: no such option
  hyper(descent(), { onNonfinite: "skip" }),
  descent satisfies RuleFactory<"lr">,
];

describe("where a type is not looked at, as in JavaScript, the mistake is an error when the optimizer is built:", () => {
  test("a value per element for a channel's slot", () => {
    const wrong = rule({
      name: "wrong",
      hyperparameters: {},
      state: { n: slot("channel", 0) },
      update: ({ p, g }) => ({ p, n: g as unknown as Expr<"channel"> }),
    });
    refuses(() => hyper(wrong()), 'the state slot "n" has one value per channel, but update returns one per element');
  });

  test("a condition used as a number", () => {
    const wrong = rule({
      name: "wrong",
      hyperparameters: {},
      state: {},
      update: ({ p, g }) => ({ p: p.sub(g.greater(0) as unknown as number) }),
    });
    refuses(() => hyper(wrong()), "sub: an operand is a condition", "select(condition, 1, 0)");
  });

  test("a number used as a condition", () => {
    const wrong = rule({
      name: "wrong",
      hyperparameters: {},
      state: {},
      update: ({ p, g }) => ({ p: select(g as unknown as Condition<"element">, p, 0) }),
    });
    refuses(() => hyper(wrong()), 'select: the condition is the expression "g"', "a comparison such as x.greater(0)");
  });

  test("a condition for the new parameter", () => {
    const wrong = rule({
      name: "wrong",
      hyperparameters: {},
      state: {},
      update: ({ p, g }) => ({ p: p.greater(g) as unknown as Expr<"element"> }),
    });
    refuses(() => hyper(wrong()), 'rule "wrong": the new p is a condition', "select(condition, 1, 0)");
  });

  test("a gradient transform that returns no expression", () => {
    const lr = learned(1, descent(), { gradient: () => undefined as unknown as number });
    refuses(() => hyper(descent({ lr })), "learned: what gradient returns is undefined", "a number or an expression");
  });

  test("an operand that is nothing", () => {
    const wrong = rule({
      name: "wrong",
      hyperparameters: {},
      state: {},
      update: ({ p, g }) => ({ p: p.sub(g.mul(undefined as unknown as number)) }),
    });
    refuses(() => hyper(wrong()), "mul: an operand is undefined", "a number or an expression");
  });
});
