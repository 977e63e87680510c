/**
 * All executors agree within float32 rounding.
 *
 * How far float32 may be off is not guessed: the float64 computation is repeated with every elementary operation disturbed by two roundings of
 * float32, of random sign, and the largest deviation of these runs, times a safety factor, is the tolerance. It grows where a problem is
 * ill-conditioned, so a lower bound on how many comparisons are sharp is asserted too.
 */
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  anyForm,
  checkAsync,
  type GradientKind,
  gradientKinds,
  problems,
} from "../../../core/test/properties/arbitraries.js";
import { compareRounded, disturbedRuns, type Outcome } from "../../../core/test/properties/numerics.js";
import { learners, specs } from "./specs.js";
import { type Trace, traceFloat64, traceOn, traceTfjs } from "./traces.js";

const counts: Record<Outcome, number> = { sharp: 0, loose: 0, overflow: 0 };

const ordinary: readonly GradientKind[] = gradientKinds.filter((kind) => kind !== "huge");

describe.each(["cpu", "wasm"])("the tfjs executor on the %s backend", (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  test.each(["host", "device"] as const)("agrees with float64, with scalars on the %s", async (scalars) => {
    const cases = fc.oneof(
      fc.record({ spec: specs(), problem: problems({ forms: anyForm, kinds: ordinary }) }),
      fc.record({
        spec: specs({ learners: learners({ normalising: true }) }),
        problem: problems({ forms: anyForm, kinds: ["huge", "sparse"] }),
      }),
    );
    await checkAsync(cases, 45, async ({ spec: { it: spec }, problem }) => {
      const before = tf.memory().numTensors;
      const actual = await traceTfjs(spec, problem, { scalars });
      expect(tf.memory().numTensors).toBe(before);
      const expected = traceFloat64(spec, problem);
      const disturbed = disturbedRuns(scalars, (executor) => traceOn(executor, spec, problem));
      const at = (trace: Trace, t: number, name: string): ArrayLike<number> => trace[t]?.[name] as ArrayLike<number>;
      expected.forEach((snapshot, t) => {
        for (const [name, values] of Object.entries(snapshot)) {
          const others = disturbed.map((trace) => at(trace, t, name));
          counts[compareRounded(`${name} after step ${t}, `, at(actual, t, name), values, others)]++;
        }
      });
    });
  });
});

afterAll(() => {
  const all = counts.sharp + counts.loose + counts.overflow;
  console.log(counts);
  expect(counts.sharp / all).toBeGreaterThan(0.8);
  expect(counts.overflow / all).toBeLessThan(0.05);
});
