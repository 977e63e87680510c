/**
 * Memory and independence: a step leaves nothing behind, optimizers do not disturb each other, and a step that fails changes nothing.
 */
import type { Spec } from "@hypergrad/core";
import { anyForm, type Problem, problems } from "@hypergrad/core/testing";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bench, bench, type Snapshot } from "../../../core/src/testing/traces.js";
import { checkAsync, unlessOverflowed } from "../../../core/test/check.js";
import { places } from "./places.js";
import { specs } from "./specs.js";

/** Of a wrapper that does something in every second step, what it did not do is a number: it has two final forms, in turn. */
const periodic = (name: string): boolean => name.includes("lookahead");

const cases = fc.record({ spec: specs(), problem: problems({ forms: anyForm, maxSteps: 6 }) });

describe.each(places)("on %s", (_, backend, options) => {
  test("the number of tensors is constant once every value has its final form, and back at the start after dispose()", async () => {
    await tf.setBackend(backend);
    await checkAsync(
      cases,
      25,
      unlessOverflowed(async ({ spec: { it: spec, text }, problem }) => {
        const before = tf.memory().numTensors;
        const { optimizer, step, look, variables, dispose } = bench(spec, problem, options);
        try {
          // The first hyper-gradients come in the second step: what was a number until then may now be one number for each element.
          step(problem.gradients(0));
          step(problem.gradients(1));
          const settled = [tf.memory().numTensors];
          const period = periodic(text) ? 2 : 1;
          for (let t = 2; t < problem.steps; t++) {
            step(problem.gradients(t));
            await look();
            await optimizer.checkpoint();
            const now = tf.memory().numTensors;
            expect(now).toBe(settled.at(-period) ?? now);
            settled.push(now);
          }
          optimizer.dispose();
          expect(tf.memory().numTensors).toBe(before + variables.length);
        } finally {
          dispose();
        }
        expect(tf.memory().numTensors).toBe(before);
      }),
    );
  });

  test("optimizers side by side, of the same spec and of others, each do what they do alone", async () => {
    await tf.setBackend(backend);
    const several = fc.record({
      first: cases,
      second: cases,
      same: fc.boolean(),
      turns: fc.array(fc.nat({ max: 1 }), { minLength: 12, maxLength: 12 }),
    });
    await checkAsync(
      several,
      12,
      unlessOverflowed(async ({ first, second, same, turns }) => {
        const specsOfBoth: readonly Spec[] = [first.spec.it, same ? first.spec.it : second.spec.it];
        const problemsOfBoth: readonly Problem[] = [first.problem, same ? { ...first.problem } : second.problem];
        const run = async (who: readonly number[]): Promise<Snapshot[][]> => {
          const benches = new Map<number, Bench>();
          const seen: Snapshot[][] = [[], []];
          try {
            for (const i of new Set(who)) {
              benches.set(
                i,
                bench(specsOfBoth[i] as Spec, problemsOfBoth[i] as Problem, { ...options, prefix: `${i}/` }),
              );
            }
            for (const i of who) {
              const mine = seen[i] as Snapshot[];
              const problem = problemsOfBoth[i] as Problem;
              if (mine.length === problem.steps) continue;
              const { step, look } = benches.get(i) as Bench;
              step(problem.gradients(mine.length));
              mine.push(await look());
            }
          } finally {
            for (const { dispose } of benches.values()) dispose();
          }
          return seen;
        };
        const [a, b] = await run(turns);
        expect(a).toEqual((await run(turns.filter((i) => i === 0)))[0]);
        expect(b).toEqual((await run(turns.filter((i) => i === 1)))[1]);
      }),
    );
  });

  const poison = fc.record({
    spec: specs({ schedules: false }),
    problem: problems({ maxSteps: 5 }),
    at: fc.nat(),
    what: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    where: fc.nat(),
  });

  test.each(["skip", "throw"] as const)(
    "a step with a gradient that is not finite changes nothing (%s)",
    async (onNonFinite) => {
      await tf.setBackend(backend);
      // With scalars on the device a step reads nothing: it is skipped in any case, and the error comes with the next reading.
      const late = options.scalars === "device";
      await checkAsync(poison, 15, async ({ spec: { it: spec }, problem, at, what, where }) => {
        const { name } = problem.variables[where % problem.variables.length] as { name: string };
        const poisoned = at % problem.steps;
        const gradients = problem.gradients(poisoned);
        gradients[name]![where % gradients[name]!.length] = what;

        const struck = bench(spec, problem, { ...options, onNonFinite, prefix: "struck/" });
        const spared = bench(spec, problem, { ...options, prefix: "spared/" });
        const values = ({ variables }: Bench): Float32Array[] => variables.map((p) => Float32Array.from(p.dataSync()));
        try {
          for (let t = 0; t < problem.steps; t++) {
            if (t === poisoned) {
              const before = [values(struck), late ? 0 : await struck.look()];
              if (onNonFinite === "throw" && !late) expect(() => struck.step(gradients)).toThrow(`"struck/${name}"`);
              else struck.step(gradients);
              expect([values(struck), late ? 0 : await struck.look()]).toEqual(before);
            }
            struck.step(problem.gradients(t));
            spared.step(problem.gradients(t));
          }
          const { steps } = await struck.optimizer.nonFinite();
          expect(steps).toBe(onNonFinite === "throw" && !late ? 0 : 1);
          if (onNonFinite === "throw" && late) await expect(struck.look()).rejects.toThrow("NaN or infinite");
          // On the device nobody knows that a step was skipped: it counts as one in Adam's bias correction.
          if (!late) expect(await struck.look()).toEqual(await spared.look());
        } finally {
          struck.dispose();
          spared.dispose();
        }
      });
    },
  );
});
