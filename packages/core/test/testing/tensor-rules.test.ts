/**
 * Rules that work on tensors pass every check without a mistake and fail with one; what cannot be checked of them is said, or refused.
 */
import "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { accumulate, belowOne, fromTf, groups, nonNegative, type RuleFactory, tensorRule } from "../../src/index.js";
import {
  checkAgainst,
  checkCheckpoint,
  checkExecutorsAgree,
  checkHypergradients,
  checkInvariants,
  type Reference,
} from "../../src/testing/index.js";
import { expectReadable, failureOf } from "./failures.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

interface Mistakes {
  /** What is made of the average M. */
  readonly direction?: (m: tf.Tensor) => tf.Tensor;
  /** What is remembered of M. */
  readonly remembered?: (m: tf.Tensor) => tf.Tensor;
}

/** MMᵀM/‖M‖². */
const cubed = (m: tf.Tensor): tf.Tensor =>
  tf.div(tf.matMul(m, tf.matMul(m, m, true, false)), tf.add(tf.sum(tf.square(m)), 1e-12));

/** θ ← θ − α·MMᵀM/‖M‖² with M ← βM + (1 − β)G, for matrices; M is kept by the operator. */
const gram = ({ direction = cubed, remembered = (m) => m }: Mistakes = {}): RuleFactory<"lr" | "beta"> =>
  tensorRule({
    name: "gram",
    hyperparameters: { lr: nonNegative(0.1), beta: belowOne(0.5) },
    state: {},
    inputs: ({ g, beta }) => ({ g, beta }),
    memory: (shape) => ({ m: tf.zeros([...shape]) }),
    accepts({ name, shape }) {
      if (shape.length !== 2) throw new Error(`gram: "${name}" has shape [${shape}]; expected a matrix.`);
    },
    direction({ g, beta }, { m: old }) {
      const m = tf.add(tf.mul(beta, old), tf.mul(tf.sub(1, beta), g));
      return { value: direction(m), memory: { m: remembered(m) } };
    },
    update: ({ p, direction, lr }) => ({ p: p.sub(direction.mul(lr)) }),
  });

const reference: Reference<"lr" | "beta"> = ({ p, g, h, state, shape }) => {
  const m = state("m");
  for (let i = 0; i < p.length; i++) m[i] = h.beta * m[i]! + (1 - h.beta) * g[i]!;
  const [rows, columns] = shape as [number, number];
  const squares = m.reduce((sum, x) => sum + x * x, 0) + 1e-12;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) {
        for (let l = 0; l < rows; l++) sum += m[i * columns + k]! * m[l * columns + k]! * m[l * columns + j]!;
      }
      p[i * columns + j] = p[i * columns + j]! - (h.lr * sum) / squares;
    }
  }
};

const empty = "tensors without elements: gram works on tf.Tensors.";
const small = "mistakes as small as the rounding of float32, in which gram works.";

describe("without a mistake it passes", () => {
  test("checkAgainst", () => {
    const { compared, unchecked } = checkAgainst(gram(), reference);
    expect(compared).toBeGreaterThan(80);
    expect(unchecked).toEqual([small]);
  });
  test("checkHypergradients", () => {
    const { compared, unresolved, kinks, unchecked } = checkHypergradients(gram(), { runs: 12 });
    expect(compared).toBeGreaterThan(10 * (unresolved + kinks));
    expect(unchecked).toEqual([small, "gradients of size 10¹² and 10⁻¹², unless asked for: gram works on tf.Tensors."]);
  });
  test("checkInvariants", async () => {
    const { invariants, unchecked } = await checkInvariants(gram(), { runs: 10 });
    expect(invariants).toHaveLength(12);
    expect(unchecked).toEqual([empty]);
  });
  test("checkCheckpoint and checkExecutorsAgree", async () => {
    expect((await checkCheckpoint(gram(), { runs: 4 })).unchecked).toEqual([empty]);
    const { sharp, undecided } = await checkExecutorsAgree(gram(), { backends: ["cpu"], runs: 6 });
    expect(sharp).toBeGreaterThan(10 * undecided);
  });
});

describe("with a mistake it is found by", () => {
  test("checkAgainst: a product with the wrong transpose", async () => {
    const direction = (m: tf.Tensor): tf.Tensor => tf.div(tf.transpose(cubed(m)), 1).reshape(m.shape);
    const failure = await failureOf(() => checkAgainst(gram({ direction }), reference));
    expect(failure.message).toMatch(/gram: the new p of a after step 1, element \d, is wrong/);
    expectReadable(failure);
  });

  test("checkHypergradients: an operation whose gradient is another one", async () => {
    const halved = tf.customGrad((x: tf.Tensor | tf.GradSaveFunc) => ({
      value: (x as tf.Tensor).clone(),
      gradFunc: (dy: tf.Tensor) => tf.div(dy, 2),
    }));
    const failure = await failureOf(() => checkHypergradients(gram({ direction: (m) => cubed(halved(m)) })));
    expect(failure.message).toMatch(/gram: the hyper-gradient of beta, learned per \w+ .* is wrong/);
    expectReadable(failure);
  });

  test("checkInvariants: a norm without an ε, and a count in JavaScript", async () => {
    const direction = (m: tf.Tensor): tf.Tensor => tf.div(m, tf.norm(m));
    const { message } = await failureOf(() => checkInvariants(gram({ direction }), { backends: [] }));
    expect(message).toMatch(
      /gram: finite: the new p of a is NaN in float32 after step 1, with gradients that are zero/,
    );
    let calls = 0;
    const counted = (m: tf.Tensor): tf.Tensor => tf.div(m, ++calls);
    await expect(checkInvariants(gram({ direction: counted }), { backends: [] })).rejects.toThrow(/gram: \w+: /);
  });

  test("checkCheckpoint: something that is remembered in JavaScript", async () => {
    const kept: tf.Tensor[] = [];
    const direction = (m: tf.Tensor): tf.Tensor => {
      const before = kept.find(({ shape }) => `${shape}` === `${m.shape}`);
      if (kept.length < 8) kept.push(tf.keep(m.clone()));
      return before ? tf.add(m, before) : m;
    };
    await expect(checkCheckpoint(gram({ direction }))).rejects.toThrow(/gram: on cpu, .* in the uninterrupted one/);
    tf.dispose(kept);
  });
});

describe("what cannot be checked is refused", () => {
  test("an optimizer of TensorFlow.js", () => {
    expect(() => checkHypergradients(fromTf(tf.train.adam(0.1)))).toThrow(
      "checkHypergradients: tf.Adam keeps what it remembers to itself, so that no run can be repeated; expected a rule.",
    );
  });
  test("an optimizer that accumulates gradients", () => {
    expect(() => checkHypergradients(accumulate(gram()(), { steps: 2 }))).toThrow(
      "checkHypergradients: gram accumulates gradients; expected the optimizer inside",
    );
  });
  test("a choice among rules by variable", () => {
    const either = groups([["kernel", gram()()]], gram()());
    expect(() => checkHypergradients({ name: "either", build: () => either, values: {} })).toThrow(
      "checkHypergradients: either chooses among rules by variable, and the variables are drawn; expected one rule. Check each of those that it chooses among.",
    );
  });
  test("hyper-gradients that look back through what is remembered", () => {
    expect(() => checkHypergradients(gram(), { horizon: 2 })).toThrow(
      "checkHypergradients: gram remembers tensors, through which nothing is differentiated: hyper-gradients that look back 2 steps leave out what goes that way. Check them with horizon: 1.",
    );
  });
  test("shapes that the rule does not accept", () => {
    const forms = fc.constant({ shape: [3], channelAxes: undefined });
    expect(() => checkHypergradients(gram(), { problems: { forms } })).toThrow(
      "checkHypergradients: gram works on no shape that is drawn; give some that suit it: { problems: { forms: fc.constant({ shape: [2, 3]",
    );
  });
});
