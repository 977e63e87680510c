import { HyperOptimizer, hyper, learned, linear } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { averaged, backends, descent, noiseOf, refuses, refusesLater, step, valuesOf, variables } from "../support.js";

const spec = averaged({
  lr: learned(0.1, descent({ lr: 1e-3 })),
  decay: learned(0.5, descent({ lr: 1e-3 }), { per: "channel" }),
});

afterEach(() => tf.disposeVariables());

describe.each(backends)("on the %s backend, a HyperOptimizer", (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    return async () => {
      await tf.setBackend("cpu");
    };
  });

  /** Σ(w − 1)² over variables. */
  const loss = (all: readonly tf.Variable[]) => (): tf.Scalar =>
    tf.addN(all.map((w) => tf.sum(tf.squaredDifference(w, 1)))) as tf.Scalar;

  test("is a tf.Optimizer", () => {
    const optimizer = hyper(spec);
    expect(optimizer).toBeInstanceOf(tf.Optimizer);
    expect(optimizer).toBeInstanceOf(HyperOptimizer);
    expect(optimizer.getClassName()).toBe("HyperOptimizer");
    optimizer.dispose();
  });

  test("minimises, and returns the loss only when asked", () => {
    const { w, b } = variables({ w: [3, 2], b: [2] });
    const optimizer = hyper(averaged({ lr: 0.05 }));
    const f = loss([w, b]);
    const before = tf.tidy(() => f().dataSync()[0] as number);
    const { numTensors } = tf.memory();
    expect(optimizer.minimize(f)).toBeNull();
    // Two variables, one state slot each.
    expect(tf.memory().numTensors).toBe(numTensors + 2);
    for (let i = 0; i < 9; i++) optimizer.minimize(f);
    expect(tf.memory().numTensors).toBe(numTensors + 2);
    const cost = optimizer.minimize(f, true) as tf.Scalar;
    expect(cost.rank).toBe(0);
    expect(cost.dataSync()[0]).toBeLessThan(0.5 * before);
    cost.dispose();
    expect(optimizer.iterations).toBe(11);
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test("moves only the variables of varList", () => {
    const all = variables({ w: [3, 2], b: [2] });
    const before = valuesOf(all);
    const optimizer = hyper(averaged({ lr: 0.05 }));
    optimizer.minimize(loss([all.w, all.b]), false, [all.b]);
    expect(valuesOf(all).w).toEqual(before.w);
    expect(valuesOf(all).b).not.toEqual(before.b);
    optimizer.dispose();
  });

  test("leaves a variable alone that is not trainable", () => {
    const { w } = variables({ w: [2] });
    const frozen = tf.variable(tf.tensor1d([3, 4]), false, "frozen");
    const optimizer = hyper(descent({ lr: 0.05 }));
    optimizer.minimize(() => tf.sum(tf.mul(w, frozen)));
    expect([...frozen.dataSync()]).toEqual([3, 4]);
    optimizer.dispose();
  });

  test("computes gradients by variable name", () => {
    const { w } = variables({ w: [3] });
    const optimizer = hyper(descent());
    const { value, grads } = optimizer.computeGradients(() => tf.sum(tf.square(w)));
    expect(Object.keys(grads)).toEqual(["w"]);
    expect([...(grads.w as tf.Tensor).dataSync()]).toEqual([...w.dataSync()].map((x) => 2 * x));
    expect(optimizer.iterations).toBe(0);
    tf.dispose([value, ...Object.values(grads)]);
    optimizer.dispose();
  });

  test("takes gradients as a record and as a list of names and tensors, to the same effect", () => {
    const run = (form: (name: string, tensor: tf.Tensor) => Parameters<HyperOptimizer["applyGradients"]>[0]) => {
      const { w } = variables({ w: [3, 2] });
      const optimizer = hyper(spec);
      for (let i = 0; i < 3; i++) tf.tidy(() => optimizer.applyGradients(form("w", noiseOf([3, 2], i))));
      const values = valuesOf({ w });
      optimizer.dispose();
      w.dispose();
      return values;
    };
    expect(run((name, tensor) => [{ name, tensor }])).toEqual(run((name, tensor) => ({ [name]: tensor })));
  });

  test("keeps the gradients alive, whose owner is the caller", () => {
    variables({ w: [2] });
    const g = tf.tensor1d([1, 2]);
    const optimizer = hyper(spec);
    optimizer.applyGradients({ w: g });
    optimizer.applyGradients([{ name: "w", tensor: g }]);
    expect([...g.dataSync()]).toEqual([1, 2]);
    g.dispose();
    optimizer.dispose();
  });

  test("leaves value and state of a variable without a gradient as they are", async () => {
    const all = variables({ w: [3, 2], b: [2] });
    const optimizer = hyper(averaged());
    step(optimizer, all, 1);
    const before = valuesOf(all).b;
    const remembered = (await optimizer.checkpoint()).tensors;
    tf.tidy(() => optimizer.applyGradients({ w: noiseOf([3, 2], 7), b: null as unknown as tf.Tensor }));
    tf.tidy(() => optimizer.applyGradients([{ name: "w", tensor: noiseOf([3, 2], 8) }]));
    expect(valuesOf(all).b).toEqual(before);
    const after = (await optimizer.checkpoint()).tensors;
    expect(after["0/b#m"]).toEqual(remembered["0/b#m"]);
    expect(after["0/b@t"]).toEqual(remembered["0/b@t"]);
    expect(after["0/w#m"]).not.toEqual(remembered["0/w#m"]);
    expect(optimizer.iterations).toBe(3);
    optimizer.dispose();
  });

  test("goes on, from its weights, bit for bit as if it had not stopped", async () => {
    const all = variables({ w: [3, 2], b: [2] });
    const optimizer = hyper(spec);
    for (let i = 0; i < 3; i++) step(optimizer, all, i);
    const weights = await optimizer.getWeights();
    expect(weights[0]?.name).toBe("iter");
    expect(weights[0]?.tensor.dataSync()[0]).toBe(3);
    const parameters = Object.values(all).map((variable) => variable.clone());

    for (let i = 3; i < 6; i++) step(optimizer, all, i);
    const expected = { values: valuesOf(all), hyperparameters: await optimizer.hyperparameters() };

    Object.values(all).forEach((variable, i) => void variable.assign(parameters[i] as tf.Tensor));
    const resumed = hyper(spec);
    await resumed.setWeights(weights);
    expect(resumed.iterations).toBe(3);
    for (let i = 3; i < 6; i++) step(resumed, all, i);
    expect({ values: valuesOf(all), hyperparameters: await resumed.hyperparameters() }).toEqual(expected);
    tf.dispose([...weights.map(({ tensor }) => tensor), ...parameters]);
    optimizer.dispose();
    resumed.dispose();
  });

  test("frees everything that it holds, and can begin again", async () => {
    const all = variables({ w: [3, 2], b: [2] });
    const start = valuesOf(all);
    const { numTensors } = tf.memory();
    const optimizer = hyper(spec);
    const run = async () => {
      for (const [name, variable] of Object.entries(all)) {
        tf.tidy(() => variable.assign(tf.tensor(start[name] as number[], variable.shape)));
      }
      for (let i = 0; i < 4; i++) step(optimizer, all, i);
      const seen = { values: valuesOf(all), hyperparameters: await optimizer.hyperparameters() };
      optimizer.dispose();
      expect(tf.memory().numTensors).toBe(numTensors);
      return seen;
    };
    expect(await run()).toEqual(await run());
    expect(optimizer.iterations).toBe(0);
  });

  test("works side by side with another on the same variables", () => {
    const all = variables({ w: [3, 2] });
    const [one, other] = [hyper(spec), hyper(averaged())];
    const { numTensors } = tf.memory();
    for (let i = 0; i < 3; i++) {
      step(one, all, i);
      step(other, all, i);
    }
    one.dispose();
    step(other, all, 4);
    other.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describe("hyperparameters()", () => {
  test("has a constant, a schedule's value in the last step and a learned value, by variable and name", async () => {
    const all = variables({ w: [2, 3], b: [2] });
    const optimizer = hyper(averaged({ lr: linear(1, { steps: 4 }), decay: learned(0.5, descent({ lr: 0.25 })) }));
    expect(await optimizer.hyperparameters()).toEqual({});
    step(optimizer, all, 1);
    step(optimizer, all, 2);
    const values = await optimizer.hyperparameters();
    expect(Object.keys(values)).toEqual(["w", "b"]);
    expect(values.w).toMatchObject({ lr: 0.75, "decay.lr": 0.25 });
    expect(values.w?.decay).toBe(values.b?.decay);
    optimizer.dispose();
  });

  test("has the values of the moment of the call, whatever happens before they arrive", async () => {
    const all = variables({ w: [2, 3] });
    const optimizer = hyper(descent({ lr: learned(0.5, descent({ lr: 0.1 }), { per: "element" }) }));
    step(optimizer, all, 1);
    step(optimizer, all, 2);
    const now = await optimizer.hyperparameters();
    const pending = optimizer.hyperparameters();
    step(optimizer, all, 3);
    optimizer.dispose();
    expect(await pending).toEqual(now);
  });
});

describe("tf.engine().reset()", () => {
  test("takes away what an optimizer remembers: it says so, and after dispose or restore works again", async () => {
    const start = () => variables({ w: [2, 3] });
    const optimizer = hyper(averaged());
    step(optimizer, start(), 1);
    const checkpoint = await optimizer.checkpoint();
    tf.engine().reset();
    await tf.setBackend("cpu");
    const remedy = "tf.engine().reset() took away what this optimizer remembers";
    const all = start();
    refuses(() => step(optimizer, all, 2), `applyGradients: ${remedy}`, "dispose()", "restore()");
    refuses(() => optimizer.swap(), `swap: ${remedy}`);
    await refusesLater(() => optimizer.hyperparameters(), `hyperparameters: ${remedy}`);
    await refusesLater(() => optimizer.checkpoint(), `checkpoint: ${remedy}`);
    optimizer.restore(checkpoint);
    step(optimizer, all, 2);
    expect(optimizer.iterations).toBe(2);
    optimizer.dispose();
    tf.engine().reset();
    await tf.setBackend("cpu");
    step(optimizer, start(), 1);
    expect(optimizer.iterations).toBe(1);
    optimizer.dispose();
  });
});

describe("getConfig", () => {
  test("is plain JSON that says what is learned how", () => {
    const optimizer = hyper(
      averaged({ lr: linear(1, { steps: 4 }), decay: learned(0.5, descent({ lr: 0.25 }), { in: "logit" }) }),
    );
    const config = optimizer.getConfig();
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
    expect(config).toEqual({
      spec: {
        rule: "averaged",
        lr: "schedule",
        decay: { learned: 0.5, per: "model", in: "logit", by: { rule: "descent", lr: 0.25 } },
      },
      onNonFinite: "throw",
    });
    optimizer.dispose();
  });
});
