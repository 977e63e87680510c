/**
 * All executors agree within float32 rounding.
 *
 * How far float32 may be off is not guessed: the float64 computation is repeated with every elementary operation disturbed by two roundings of
 * float32, of random sign, and the largest deviation of these runs, times a safety factor, is the tolerance. It grows where a problem is
 * ill-conditioned, so a lower bound on how many comparisons are sharp is asserted too.
 */
import { learned, type Spec } from "@hypergrad/core";
import {
  anyForm,
  type GradientKind,
  gradientKinds,
  noise,
  type Problem,
  problems,
  random,
} from "@hypergrad/core/testing";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareRounded, disturbedRuns, type Outcome } from "../../../core/src/testing/rounding.js";
import { type Snapshot, type Trace, traceFloat64, traceOn, traceTfjs } from "../../../core/src/testing/traces.js";
import { checkAsync } from "../../../core/test/check.js";
import { ftp } from "../../src/index.js";
import { places } from "./places.js";
import { learners, specs } from "./specs.js";

/** `left`: what came after a step in which chance decided something, and the run was followed no further. */
const counts: Record<Outcome | "left", number> = { sharp: 0, loose: 0, chance: 0, overflow: 0, left: 0 };

const ordinary: readonly GradientKind[] = gradientKinds.filter((kind) => kind !== "huge");

const device = ["cpu with scalars on the device", "cpu", { scalars: "device" }] as const;

describe.each([...places, device])("on %s", (_, backend, options) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  test("a run agrees with float64", async () => {
    // An ε that rounding does not reach: Adam moves by its whole rate for a hyper-gradient that is 0 but for rounding.
    const calm = fc.record({
      spec: specs({ learners: learners({ eps: 1e-2 }) }),
      problem: problems({ forms: anyForm, kinds: ordinary }),
    });
    const wild = fc.record({
      spec: specs({ learners: learners({ normalising: true }) }),
      problem: problems({ forms: anyForm }),
    });
    const cases = fc.oneof({ weight: 3, arbitrary: calm }, { weight: 1, arbitrary: wild });
    await checkAsync(cases, 45, async ({ spec: { it: spec }, problem }) => {
      const before = tf.memory().numTensors;
      const actual = await traceTfjs(spec, problem, options);
      expect(tf.memory().numTensors).toBe(before);
      const expected = traceFloat64(spec, problem);
      const disturbed = disturbedRuns(options.scalars ?? "host", (executor) => traceOn(executor, spec, problem));
      const at = (trace: Trace, t: number, name: string): ArrayLike<number> => trace[t]?.[name] as ArrayLike<number>;
      let conditioned = true;
      expected.forEach((snapshot, t) => {
        const now = conditioned;
        for (const [name, values] of Object.entries(snapshot)) {
          if (!now) {
            counts.left++;
            continue;
          }
          const others = disturbed.map((trace) => at(trace, t, name));
          const outcome = compareRounded(`${name} after step ${t}, `, at(actual, t, name), values, others);
          counts[outcome]++;
          // Tolerances that are estimated from a few runs say nothing from here on.
          if (outcome === "chance" || outcome === "overflow") conditioned = false;
        }
      });
    });
  });
});

describe("over 300 steps", () => {
  /** Of ordinary size at every step, so that rounding does not grow. */
  const gradient = (t: number, size: number): Float32Array => noise(size, random(t, size));
  const long: Readonly<Record<string, Spec>> = {
    "AdamW + FTP, learned rate": ftp(
      adamw({ lr: learned(1e-3, adam({ lr: 1e-2, eps: 1e-2 }), { in: "log" }), eps: 1e-3 }),
      { radius: learned(1e-2, adam({ lr: 1e-2, eps: 1e-2 })) },
    ),
    "SGD with momentum, rate and momentum learned per channel": sgd({
      lr: learned(1e-2, sgd({ lr: 1e-5 }), { per: "channel" }),
      momentum: learned(0.9, sgd({ lr: 1e-6 }), { per: "channel" }),
    }),
    "a tower of height 3": adam({
      lr: learned(1e-3, adam({ lr: learned(1e-5, sgd({ lr: 1e-9 })), eps: 1e-2 })),
      eps: 1e-3,
    }),
  };
  const problem: Problem = {
    variables: [
      { name: "a", shape: [70, 12], channelAxes: undefined, values: noise(840, random(1)) },
      { name: "b", shape: [37], channelAxes: undefined, values: noise(37, random(2)) },
      { name: "c", shape: [9, 33], channelAxes: [0], values: noise(297, random(3)) },
    ],
    steps: 300,
    kind: "noise",
    channelAxis: { c: [0] },
    gradients: (t) => ({ a: gradient(t, 840), b: gradient(t + 1000, 37), c: gradient(t + 2000, 297) }),
  };

  test.each(Object.keys(long))("the executors of the WASM backend stay with float64: %s", async (name) => {
    const spec = long[name] as Spec;
    const expected = traceFloat64(spec, problem).at(-1) as Snapshot;
    await tf.setBackend("wasm");
    for (const options of [{}, { executor: "tfjs" }] as const) {
      const actual = (await traceTfjs(spec, problem, options)).at(-1) as Snapshot;
      for (const [what, values] of Object.entries(expected)) {
        const size = Math.max(...Array.from(values, Math.abs));
        Array.from(values).forEach((x, i) => {
          expect(Math.abs((actual[what]?.[i] as number) - x), `${what}[${i}]`).toBeLessThanOrEqual(1e-4 * size);
        });
      }
    }
  });
});

afterAll(() => {
  const all = Object.values(counts).reduce((a, b) => a + b);
  // Nothing was compared where a filter left these tests out.
  if (all === 0) return;
  expect(counts.sharp / all, JSON.stringify(counts)).toBeGreaterThan(0.65);
  expect(counts.overflow / all, JSON.stringify(counts)).toBeLessThan(0.05);
});
