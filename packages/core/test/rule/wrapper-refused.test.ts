import { nonNegative, real, wrapper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, test } from "vitest";
import { descent, refuses } from "../support.js";
import { clipped } from "./wrappers.js";

afterEach(() => tf.disposeVariables());

describe("a wrapper is refused", () => {
  test("with a name used twice, p and what is proposed among them", () => {
    refuses(
      () => wrapper({ name: "w", hyperparameters: { x: real(1) }, state: { x: 0 } }),
      'rule "w": the name "x" is used twice',
    );
    refuses(
      () => wrapper({ name: "w", hyperparameters: { proposed: real(1) }, state: {} }),
      'the name "proposed" is used twice',
    );
    refuses(() => wrapper({ name: "w", hyperparameters: {}, state: { p: 0 } }), 'the name "p" is used twice');
  });

  test("with a default outside its domain, and settings that do not exist", () => {
    refuses(() => wrapper({ name: "w", hyperparameters: { x: nonNegative(-1) }, state: {} }), "the default of x is -1");
    refuses(() => clipped({ norm: 1 } as never), 'clipped: there is no hyperparameter "norm"', "it has maxNorm");
    refuses(() => clipped({ maxNorm: -1 }), "clipped: maxNorm is -1; expected");
  });

  test("around something that is no optimizer", () => {
    refuses(() => clipped()(descent as never), "expected an optimizer such as", "the function");
    refuses(() => clipped()(undefined as never), "expected an optimizer such as");
  });
});
