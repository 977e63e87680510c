/**
 * A run that is interrupted at any step and resumed from a checkpoint equals the uninterrupted run, bit for bit.
 */
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type HyperOptimizer,
  type HyperOptions,
  type Spec,
} from "@hypergrad/core";
import { anyForm, type Problem, problems } from "@hypergrad/core/testing";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bench, type Snapshot } from "../../../core/src/testing/traces.js";
import { checkAsync, unlessOverflowed } from "../../../core/test/check.js";
import { places } from "./places.js";
import { type Drawn, specs } from "./specs.js";

/** Saves an optimizer; what comes back restores another one. */
type Save = (optimizer: HyperOptimizer) => Promise<(other: HyperOptimizer) => Promise<void>>;

const ways: Readonly<Record<string, Save>> = {
  "the plain object": async (optimizer) => {
    const checkpoint = await optimizer.checkpoint();
    return async (other) => other.restore(checkpoint);
  },
  "the bytes of a file": async (optimizer) => {
    const bytes = encodeCheckpoint(await optimizer.checkpoint());
    return async (other) => other.restore(decodeCheckpoint(bytes));
  },
  "getWeights and setWeights": async (optimizer) => {
    // What getWeights returns goes with the optimizer.
    const weights = (await optimizer.getWeights()).map(({ name, tensor }) => ({ name, tensor: tensor.clone() }));
    return async (other) => {
      await other.setWeights(weights);
      tf.dispose(weights.map(({ tensor }) => tensor));
    };
  },
};

interface Case {
  readonly spec: Drawn<Spec>;
  readonly problem: Problem;
  /** How many steps are taken before the interruption. */
  readonly at: number;
  /** The step from which on the last variable takes part. */
  readonly from: number;
}

/** The gradients of a step; the last of several variables has none before its time. */
function gradientsOf({ problem, from }: Case, t: number): Record<string, ArrayLike<number>> {
  const names = problem.variables.map(({ name }) => name);
  const present = t < from && names.length > 1 ? names.slice(0, -1) : names;
  const all = problem.gradients(t);
  return Object.fromEntries(present.map((name) => [name, all[name]!]));
}

/** Everything there is to see in the steps from the interruption on, and the checkpoint at the end. */
async function run(one: Case, options: HyperOptions, save?: Save): Promise<{ snapshots: Snapshot[]; end: Checkpoint }> {
  const { problem, at } = one;
  const spec = one.spec.it;
  let now = bench(spec, problem, options);
  try {
    for (let t = 0; t < at; t++) now.step(gradientsOf(one, t));
    if (save) {
      // As after a restart of the process: nothing is left but the parameters' values and what was saved.
      const restore = await save(now.optimizer);
      const variables = problem.variables.map((variable, i) => ({
        ...variable,
        values: Float32Array.from((now.variables[i] as tf.Variable).dataSync()),
      }));
      now.dispose();
      now = bench(spec, { ...problem, variables }, options);
      await restore(now.optimizer);
    }
    const snapshots: Snapshot[] = [];
    for (let t = at; t < problem.steps; t++) {
      now.step(gradientsOf(one, t));
      snapshots.push(await now.look());
    }
    return { snapshots, end: await now.optimizer.checkpoint() };
  } finally {
    now.dispose();
  }
}

const cases: fc.Arbitrary<Case> = fc
  .record({ spec: specs(), problem: problems({ forms: anyForm, maxSteps: 6 }), at: fc.nat(), from: fc.nat({ max: 3 }) })
  .map(({ at, ...rest }) => ({ ...rest, at: at % rest.problem.steps }));

describe.each(places)("on %s", (_, backend, options) => {
  test.each(Object.keys(ways))("a run resumed through %s equals the uninterrupted one, bit for bit", async (way) => {
    await tf.setBackend(backend);
    await checkAsync(
      cases,
      15,
      unlessOverflowed(async (one) => {
        const before = tf.memory().numTensors;
        const uninterrupted = await run(one, options);
        const resumed = await run(one, options, ways[way]);
        expect(resumed.snapshots).toEqual(uninterrupted.snapshots);
        expect(resumed.end).toEqual(uninterrupted.end);
        expect(tf.memory().numTensors).toBe(before);
      }),
    );
  });
});
