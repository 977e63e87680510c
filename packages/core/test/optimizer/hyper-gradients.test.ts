import { accumulate, float64, hyper, learned, nonNegative, type Spec, wrapper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { noiseFor, parametersOf } from "../finite-differences.js";
import { averaged, descent, noiseOf, refuses, refusesUnchanged, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

const parameters = parametersOf({ a: [2, 3], b: [3], c: [] });

const gradients = noiseFor(parameters);

describe("hyperGradients", () => {
  test("are checked like gradients, under their own name, and both stay the caller's", async () => {
    const w = variables({ a: [2, 3] });
    const optimizer = hyper(averaged({ lr: learned(0.1, descent()) }));
    const g = noiseOf([2, 3], 1);
    const wide = noiseOf([3, 2], 2);
    const held = Array.from(g.dataSync());
    optimizer.applyGradients({ a: g }, { hyperGradients: { a: g } });
    optimizer.applyGradients({ a: g }, { hyperGradients: [{ name: "a", tensor: g }] });
    optimizer.applyGradients({ a: g }, { hyperGradients: {} });
    const refused = (given: unknown, ...parts: string[]) =>
      refusesUnchanged(optimizer, w, () => optimizer.applyGradients({ a: g }, given as never), ...parts);
    await refused({ hyperGradients: { kernel: g } }, 'hyperGradients: there is no variable "kernel"');
    await refused(
      { hyperGradients: { a: wide } },
      'hyperGradients: the gradient of "a" has shape [3,2]; expected [2,3].',
    );
    await refused({ hyperGradients: { a: 3 } }, 'hyperGradients: the gradient of "a" is 3');
    await refused(
      {
        hyperGradients: [
          { name: "a", tensor: g },
          { name: "a", tensor: g },
        ],
      },
      'hyperGradients: there are two gradients for "a"',
    );
    await refused(
      { hyperGradient: { a: g } },
      'applyGradients: there is no option "hyperGradient"; there are hyperGradients.',
    );
    expect(Array.from(g.dataSync())).toEqual(held);
    refuses(
      () => optimizer.minimize(() => tf.scalar(0), { hyperloss: 1 } as never),
      'minimize: there is no option "hyperloss"; there are hyperLoss, returnCost, varList.',
    );
    optimizer.dispose();
    tf.dispose([g, wide]);
  });

  test("none at all means that the held-out loss depends on nothing: nothing is learned", async () => {
    for (const scalars of ["host", "device"] as const) {
      const w = variables({ a: [2, 3] });
      const optimizer = hyper(
        averaged({
          lr: learned(0.1, descent({ lr: 1 }), { normalise: true }),
          decay: learned(0.5, descent({ lr: 1 }), { per: "element" }),
        }),
        { scalars },
      );
      for (let t = 1; t < 4; t++) {
        const g = noiseOf([2, 3], t);
        optimizer.applyGradients({ a: g }, { hyperGradients: { a: null as never } });
        g.dispose();
      }
      expect(await optimizer.hyperparameters()).toMatchObject({ a: { decay: new Float32Array(6).fill(0.5) } });
      expect((await optimizer.hyperparameters()).a?.lr).toBeCloseTo(0.1, 7);
      optimizer.dispose();
      tf.dispose(w);
    }
  });

  test("where gradients are accumulated, those of the step's last gradient count", () => {
    const run = (spec: Spec, given: (t: number) => Record<string, Float64Array> | undefined, steps: number) => {
      const optimizer = float64(spec, parameters);
      for (let t = 0; t < steps; t++) optimizer.step(gradients(1), given(t));
      return optimizer.hyperparameters();
    };
    const rate = () => averaged({ lr: learned(0.1, descent({ lr: 0.01 })) });
    const other = noiseFor(parameters, 4);
    const accumulated = run(accumulate(rate(), { steps: 2 }), other, 6);
    expect(accumulated).toEqual(run(rate(), (t) => other(2 * t + 1), 3));
    expect(accumulated).not.toEqual(run(rate(), (t) => other(2 * t), 3));
  });

  test("reach a wrapper around an existing tf.Optimizer", async () => {
    const shrunk = wrapper({
      name: "shrunk",
      hyperparameters: { share: nonNegative(0.5) },
      state: {},
      update: ({ p, proposed, share }) => ({ p: proposed.sub(p.mul(share)) }),
    });
    const { w } = variables({ w: [4] });
    const adam = tf.train.adam(0.1);
    const optimizer = hyper(shrunk({ share: learned(0.5, descent({ lr: 2 ** -4 })) })(adam));
    const start = [...w.dataSync()];
    const [g, heldOut] = [noiseOf([4], 1), noiseOf([4], 2)];
    optimizer.applyGradients({ w: g });
    optimizer.applyGradients({ w: g }, { hyperGradients: { w: heldOut } });
    const d = -start.reduce((sum, p, i) => sum + p * (heldOut.dataSync()[i] as number), 0);
    expect((await optimizer.hyperparameters()).w?.share).toBeCloseTo(0.5 - d / 16, 6);
    optimizer.dispose();
    adam.dispose();
    tf.dispose([g, heldOut]);
  });
});
