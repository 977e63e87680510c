/**
 * Finite gradients may be so large that a step makes parameters of them that are not finite. Nobody looks in the step; but the next look at the optimizer tells.
 */
import { HyperOptimizer } from "@hypergrad/core";
import { random } from "@hypergrad/core/testing";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { checkAsync } from "../../../core/test/check.js";
import { places } from "./places.js";
import { specs } from "./specs.js";

afterEach(() => tf.disposeVariables());

const shapes = { a: [3, 2], b: [5], c: [] };

/** Gradients of sizes from 10¹⁹ to the largest that there is, a few of them 0. */
function extreme(seed: number, step: number): tf.NamedTensorMap {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => {
      const next = random(seed, step, i);
      const size = shape.reduce((x, y) => x * y, 1);
      const values = Array.from({ length: size }, () =>
        next() < 0.1 ? 0 : Math.sign(next() - 0.5) * 10 ** (19 + 19.5 * next()),
      );
      return [
        name,
        tf.tensor(
          values.map((x) => Math.max(-3.4e38, Math.min(3.4e38, x))),
          shape,
        ),
      ];
    }),
  );
}

const variables = () => Object.entries(shapes).map(([name, shape]) => tf.variable(tf.fill(shape, 0.5), true, name));

const finite = (variable: tf.Variable): boolean => variable.dataSync().every(Number.isFinite);

const counts = { runs: 0, overflows: 0 };

const cases = fc.record({
  spec: specs(),
  seed: fc.nat(),
  onNonFinite: fc.constantFrom("throw" as const, "skip" as const),
});

describe.each(places)("on %s", (_, backend, options) => {
  test("parameters stay finite, or every look at the optimizer says which are not", async () => {
    await tf.setBackend(backend);
    await checkAsync(cases, 50, async ({ spec: { it: spec }, seed, onNonFinite }) => {
      tf.disposeVariables();
      const all = variables();
      const optimizer = new HyperOptimizer(spec, { ...options, onNonFinite });
      counts.runs++;
      for (let step = 0; step < 4; step++) {
        const refused: string[] = [];
        tf.tidy(() => {
          try {
            optimizer.applyGradients(extreme(seed, step));
          } catch (error) {
            refused.push((error as Error).message);
          }
        });
        const lost = all.filter((variable) => !finite(variable)).map(({ name }) => name);
        expect((await optimizer.nonFinite()).variables).toEqual(lost);
        // All gradients are finite: no step may be refused.
        expect(refused).toEqual([]);
        if (lost.length === 0) continue;
        counts.overflows++;
        const said = await optimizer.hyperparameters().then(
          () => "nothing",
          ({ message }: Error) => message,
        );
        expect(said).toContain(
          onNonFinite === "skip"
            ? "nothing"
            : `hyperparameters: there is a NaN or an infinity in the parameters "${lost.join('", "')}", after step ${step + 1}`,
        );
        break;
      }
      optimizer.dispose();
    });
  });
});

afterAll(() => {
  // Else nothing was shown.
  if (counts.runs > 0) expect(counts.overflows, JSON.stringify(counts)).toBeGreaterThan(counts.runs / 20);
});
