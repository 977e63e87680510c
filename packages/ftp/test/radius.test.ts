import { hyper, learned } from "@hypergrad/core";
import { type FtpOptions, ftp } from "@hypergrad/ftp";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { step, variables } from "../../core/test/support.js";

afterEach(() => tf.disposeVariables());

describe("the radius", () => {
  /** The radii after each of some steps of descent with gradients given by sign. */
  async function radii(options: FtpOptions, signs: readonly number[], lr = 0.1): Promise<number[]> {
    variables({ kernel: [4, 3] });
    const optimizer = hyper(ftp(sgd({ lr }), options));
    const seen: number[] = [];
    for (const sign of signs) {
      tf.tidy(() => optimizer.applyGradients({ kernel: tf.fill([4, 3], sign) }));
      seen.push((await optimizer.hyperparameters()).kernel?.radius as number);
    }
    optimizer.dispose();
    tf.disposeVariables();
    return seen;
  }

  test.each([
    [1, 0.1],
    [0.5, 0.115],
    [0, 0.13],
  ])(
    "grows while gradients agree with the offset; where they turn, it shrinks by as much times k = %d",
    async (k, last) => {
      // d sums ⟨g, c⟩/‖c‖₁ over three rows: −3 where they agree, 3 where they do not.
      const seen = await radii({ k, radius: learned(0.1, sgd({ lr: 0.01 })) }, [1, 1, -1], 1);
      expect(seen).toEqual([0.1, 0.13, last].map((expected) => expect.closeTo(expected, 6)));
    },
  );

  test("is moved by a transform of its own where it has one, instead of the annealing", async () => {
    const radius = learned(0.1, sgd({ lr: 0.01 }), { gradient: (d) => d.mul(2) });
    const seen = await radii({ k: 0, radius }, [1, 1, -1], 1);
    expect(seen).toEqual([0.1, 0.16, 0.1].map((expected) => expect.closeTo(expected, 6)));
  });

  test("is learned as told: its learner's rate is how much it moves", async () => {
    const by = (lr: number) => ({ radius: learned(1e-8, adam({ lr })) });
    const [slow, fast] = [await radii(by(1e-3), [1, 1]), await radii(by(1e-2), [1, 1])];
    expect((fast[1] as number) / (slow[1] as number)).toBeCloseTo(10, 3);
  });

  test("is one per tensor unless the learned value says otherwise", async () => {
    const count = async (options: FtpOptions) => {
      const all = variables({ a: [4, 3], b: [3] });
      const optimizer = hyper(ftp(adamw({ lr: 0.1 }), options));
      for (let i = 0; i < 4; i++) step(optimizer, all, i);
      const values = await optimizer.hyperparameters();
      optimizer.dispose();
      tf.disposeVariables();
      return [values.a?.radius, values.b?.radius];
    };
    const [a, b] = await count({});
    expect(typeof a).toBe("number");
    expect(a).not.toBe(b);
    const [rows, vector] = await count({ radius: learned(1e-8, adam({ lr: 1e-2 }), { per: "channel" }) });
    expect((rows as Float32Array).length).toBe(3);
    expect((vector as Float32Array).length).toBe(1);
    const [one, same] = await count({ radius: learned(1e-8, adam({ lr: 1e-2 }), { per: "model" }) });
    expect(one).toBe(same);
  });

  test("never exceeds the largest row norm", async () => {
    // Rows move by 4·1e-4 per step: far less than the learner's rate, so the upper bound is what counts.
    const seen = await radii({}, [1, 1, 1], 1e-4);
    expect(seen[1]).toBeCloseTo(4e-4, 6);
  });

  test("masked, is not moved by rows that lie inside the ball", async () => {
    // From 10 the radius is clipped to the largest norm, 0.4, so in step 1 no row is scaled; from step 2 on all are.
    const run = (straightThrough: boolean) =>
      radii({ radius: learned(10, sgd({ lr: 0.01 })), straightThrough }, [1, 1, 1]);
    expect(await run(false)).toEqual([0.4, 0.4, 0.43].map((expected) => expect.closeTo(expected, 6)));
    expect(await run(true)).toEqual([0.4, 0.43, 0.46].map((expected) => expect.closeTo(expected, 6)));
  });
});
