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
import { anyForm, checkAsync, type GradientKind, gradientKinds, problems } from "../../../core/test/properties/arbitraries.js";
import { roundingExecutor } from "../../../core/test/properties/numerics.js";
import { learners, specs } from "./specs.js";
import { type Trace, traceFloat64, traceOn, traceTfjs } from "./traces.js";

const ULP = 2 ** -23;
/** Runs with disturbed operations, and how many times their largest deviation is tolerated. */
const RUNS = 4;
const SAFETY = 8;

const counts = { sharp: 0, loose: 0, overflow: 0 };

const at = (values: ArrayLike<number>, i: number): number => values[values.length === 1 ? 0 : i] as number;

/** Compares two traces, with the disturbed ones as the measure. */
function compare(actual: Trace, expected: Trace, disturbed: readonly Trace[]): void {
  expected.forEach((snapshot, t) => {
    for (const [name, values] of Object.entries(snapshot)) {
      const now = actual[t]?.[name] as ArrayLike<number>;
      expect(now, `${name} in step ${t}`).toBeDefined();
      const size = Math.max(values.length, now.length);
      let deviation = 0;
      let magnitude = 0;
      for (let i = 0; i < size; i++) {
        magnitude = Math.max(magnitude, Math.abs(at(values, i)));
        for (const trace of disturbed) {
          const other = Math.abs(at(trace[t]?.[name] as ArrayLike<number>, i) - at(values, i));
          deviation = Math.max(deviation, Number.isNaN(other) ? Number.POSITIVE_INFINITY : other);
        }
      }
      const tolerance = SAFETY * deviation + 4 * ULP * magnitude;
      if (tolerance === Number.POSITIVE_INFINITY) {
        counts.overflow++;
        continue;
      }
      counts[tolerance <= 1e-4 * magnitude ? "sharp" : "loose"]++;
      for (let i = 0; i < size; i++) {
        const error = Math.abs(at(now, i) - at(values, i));
        if (!(error <= tolerance)) {
          expect.fail(
            `${name}[${i}] after step ${t}: ${at(now, i)}, in float64 ${at(values, i)} ± ${tolerance} (off by ${error / tolerance} tolerances)`,
          );
        }
      }
    }
  });
}

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
    await checkAsync(cases, 60, async ({ spec: { it: spec }, problem }) => {
      const before = tf.memory().numTensors;
      const actual = await traceTfjs(spec, problem, { scalars });
      expect(tf.memory().numTensors).toBe(before);
      const disturbed = Array.from({ length: RUNS }, (_, i) => traceOn(roundingExecutor(scalars, i), spec, problem));
      compare(actual, traceFloat64(spec, problem), disturbed);
    });
  });
});

afterAll(() => {
  const all = counts.sharp + counts.loose + counts.overflow;
  console.log(counts);
  expect(counts.sharp / all).toBeGreaterThan(0.8);
  expect(counts.overflow / all).toBeLessThan(0.05);
});
