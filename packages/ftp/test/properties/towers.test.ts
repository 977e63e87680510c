/**
 * Towers: what is learned by nothing is a number, and every variable and every value of a hyperparameter goes its own way.
 */
import { constant, type Grain, learned, type Setting, type Spec } from "@hypergrad/core";
import { anyForm, type Problem, problems } from "@hypergrad/core/testing";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Trace, traceFloat64, traceTfjs } from "../../../core/src/testing/traces.js";
import { check, checkAsync } from "../../../core/test/check.js";
import { bases } from "./bases.js";
import { coarser, coordinatesFor, finestOf, optimizers, valuesOf } from "./optimizers.js";
import { onHost, places } from "./places.js";
import { type Drawn, learners, specs } from "./specs.js";

/** Learners that are at work and yet learn nothing. */
const idle: fc.Arbitrary<Spec> = fc.constantFrom(
  sgd({ lr: 0 }),
  sgd({ lr: 0, momentum: 0.9 }),
  adam({ lr: 0 }),
  adamw({ lr: 0 }),
  sgd({ lr: learned(0, sgd({ lr: 0 })) }),
);

/** Expects the same bits in everything that the second trace has (0 and −0 are one number to arithmetic). */
function expectSame(actual: Trace, expected: Trace): void {
  expected.forEach((snapshot, t) => {
    for (const [name, values] of Object.entries(snapshot)) {
      const now = actual[t]?.[name];
      if (now === undefined) expect.fail(`${name} is missing after step ${t}`);
      // One number may stand for all.
      const at = (numbers: ArrayLike<number>, i: number): number => numbers[numbers.length === 1 ? 0 : i] as number;
      const size = Math.min(values.length, now.length) && Math.max(values.length, now.length);
      for (let i = 0; i < size; i++) {
        const is: number = at(now, i);
        const should: number = at(values, i);
        if (is === should || (Number.isNaN(is) && Number.isNaN(should))) continue;
        expect.fail(`${name}[${i}] after step ${t}: ${is}, not ${should}`);
      }
    }
  });
}

/** What a trace says of the parameters, and of the hyperparameters named. */
const parametersOf = (trace: Trace): Trace =>
  trace.map((snapshot) => Object.fromEntries(Object.entries(snapshot).filter(([name]) => !name.includes("."))));

/** An optimizer with numbers, and the same with all of them replaced; a learned radius is clipped and written back, so that one stays. */
const replaced = (grains: readonly Grain[]) =>
  fc.constantFrom(...optimizers).chain((optimizer) =>
    fc
      .record({ values: valuesOf(optimizer), by: idle, per: fc.constantFrom(...grains), coordinate: fc.nat() })
      .map(({ values, by, per, coordinate }) => {
        const entries = Object.entries(values);
        const all = (f: (value: number, name: string) => Setting): Spec =>
          optimizer.build(
            Object.fromEntries(entries.map(([name, value]) => [name, name === "radius" ? value : f(value, name)])),
          );
        const within = (value: number) =>
          coordinatesFor(value)[coordinate % coordinatesFor(value).length] as "identity";
        return {
          numbers: all((value) => value),
          schedules: all((value) => constant(value)),
          learned: all((value, name) =>
            learned(value, by, { per: coarser(per, finestOf(optimizer, name)), in: within(value) }),
          ),
          toString: () => `${optimizer.name} ${JSON.stringify({ values, per, coordinate })}`,
        };
      }),
  );

describe("what nothing moves is a number, bit for bit", () => {
  test("in float64: constant schedules, and hyperparameters of every grain and coordinate whose learners have a rate of 0", () => {
    check(
      fc.record({ each: replaced(["model", "tensor", "channel", "element"]), problem: problems({ forms: anyForm }) }),
      150,
      ({ each, problem }) => {
        const expected = parametersOf(traceFloat64(each.numbers, problem));
        expectSame(traceFloat64(each.schedules, problem), expected);
        expectSame(traceFloat64(each.learned, problem), expected);
      },
    );
  });

  test.each(onHost)("on %s, where one number covers a tensor", async (_, backend, options) => {
    await tf.setBackend(backend);
    await checkAsync(
      fc.record({ each: replaced(["model", "tensor"]), problem: problems({ forms: anyForm, maxSteps: 3 }) }),
      20,
      async ({ each, problem }) => {
        const expected = parametersOf(await traceTfjs(each.numbers, problem, options));
        expectSame(await traceTfjs(each.schedules, problem, options), expected);
        expectSame(await traceTfjs(each.learned, problem, options), expected);
      },
    );
  });
});

/** Learners whose rate is given. */
const learnersOf: readonly ((lr: Setting) => Spec)[] = [
  (lr) => sgd({ lr }),
  (lr) => sgd({ lr, momentum: 0.9, nesterov: true }),
  (lr) => adam({ lr }),
  (lr) => adamw({ lr, amsgrad: true }),
];

describe("a tower whose top learner has a rate of 0 equals the tower without it, bit for bit", () => {
  const towers = fc
    .record({
      optimizer: fc.constantFrom(...optimizers),
      learner: fc.constantFrom(...learnersOf),
      middle: fc.constantFrom(undefined, ...learnersOf),
      top: idle,
      per: fc.constantFrom<Grain[]>("model", "tensor", "channel", "element"),
    })
    .chain(({ optimizer, learner, middle, top, per }) =>
      valuesOf(optimizer).map((values) => {
        /** All hyperparameters learned by one learner, its rate given. */
        const tower = (rate: Setting): Spec => {
          const by = learner(rate);
          const settings = Object.entries(values).map(([name, value]): [string, Setting] => [
            name,
            learned(value, by, { per: coarser(per, finestOf(optimizer, name)) }),
          ]);
          return optimizer.build(Object.fromEntries(settings));
        };
        const rate = (last: Setting): Setting => (middle ? learned(1e-3, middle(last)) : last);
        return {
          without: tower(rate(1e-3)),
          withTop: tower(rate(learned(1e-3, top))),
          toString: () => `${optimizer.name} ${JSON.stringify(values)}, per ${per}`,
        };
      }),
    );

  test("in float64", () => {
    check(fc.record({ tower: towers, problem: problems({ forms: anyForm }) }), 150, ({ tower, problem }) => {
      expectSame(traceFloat64(tower.withTop, problem), traceFloat64(tower.without, problem));
    });
  });

  test.each(onHost)("on %s", async (_, backend, options) => {
    await tf.setBackend(backend);
    const cases = fc.record({ tower: towers, problem: problems({ forms: anyForm, maxSteps: 3 }) });
    await checkAsync(cases, 20, async ({ tower, problem }) => {
      const without = await traceTfjs(tower.without, problem, options);
      expectSame(await traceTfjs(tower.withTop, problem, options), without);
    });
  });
});

/** Learners that share nothing between the hyperparameters that they move. */
const separate: fc.Arbitrary<Drawn<Spec>> = fc.constantFrom(
  { it: sgd({ lr: 1e-3, momentum: 0.9 }), text: "sgd" },
  { it: adam({ lr: 1e-2 }), text: "adam" },
);

/** Optimizers that learn nothing that covers more than a tensor, without schedules (those count the optimizer's steps, not a variable's). */
const local = specs({
  from: optimizers.filter(({ mixes }) => mixes !== "model"),
  learners: separate,
  grains: ["element", "channel", "tensor"],
  schedules: false,
});

/** In which steps a variable has no gradient. */
const missing = fc.array(fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), { minLength: 8, maxLength: 8 });

/** The problem with gradients missing, and in the order of the variables or the reverse. */
function withGaps(problem: Problem, gone: readonly (readonly boolean[])[], reverse: boolean): Problem {
  const names = problem.variables.map(({ name }) => name);
  const order = reverse ? [...names].reverse() : names;
  return {
    ...problem,
    gradients: (t) => {
      const all = problem.gradients(t);
      return Object.fromEntries(
        order.filter((name) => !gone[t]?.[names.indexOf(name)]).map((name) => [name, all[name]!]),
      );
    },
  };
}

/** The problem of one of the variables alone, in the steps in which it has a gradient. */
function alone(problem: Problem, i: number, gone: readonly (readonly boolean[])[]): Problem {
  const variable = problem.variables[i] as Problem["variables"][number];
  const present = Array.from({ length: problem.steps }, (_, t) => t).filter((t) => !gone[t]?.[i]);
  return {
    ...problem,
    variables: [variable],
    steps: present.length,
    gradients: (t) => ({ [variable.name]: problem.gradients(present[t] as number)[variable.name]! }),
  };
}

describe("a variable goes its own way, whatever the others do, in whatever order they come, bit for bit", () => {
  const cases = fc.record({
    // A variable alone has no other that could be the one excluded.
    spec: local.filter(({ text }) => !text.includes("excluded")),
    problem: problems({ maxSteps: 6 }),
    gone: missing,
    reverse: fc.boolean(),
  });

  test("in float64", () => {
    check(cases, 150, ({ spec: { it: spec }, problem, gone, reverse }) => {
      const together = traceFloat64(spec, withGaps(problem, gone, reverse)).slice(-1);
      problem.variables.forEach((_, i) => {
        expectSame(together, traceFloat64(spec, alone(problem, i, gone)).slice(-1));
      });
    });
  });

  test.each(places)("on %s", async (_, backend, options) => {
    await tf.setBackend(backend);
    await checkAsync(cases, 15, async ({ spec: { it: spec }, problem, gone, reverse }) => {
      const together = (await traceTfjs(spec, withGaps(problem, gone, reverse), options)).slice(-1);
      for (const i of problem.variables.keys()) {
        const single = await traceTfjs(spec, alone(problem, i, gone), options);
        expectSame(together, single.slice(-1));
      }
    });
  });
});

describe("what one value for the model learns does not depend on the order of the variables", () => {
  test("but for rounding, in float64", () => {
    const cases = fc.record({
      spec: specs({ learners: learners({ eps: 1e-2 }), grains: ["model"] }),
      problem: problems({ kinds: ["noise", "drift"] }),
      gone: missing,
    });
    check(cases, 100, ({ spec: { it: spec }, problem, gone }) => {
      const [forward, back] = [false, true].map((reverse) => traceFloat64(spec, withGaps(problem, gone, reverse)));
      forward?.forEach((snapshot, t) => {
        for (const [name, values] of Object.entries(snapshot)) {
          Array.from(values).forEach((x, i) => {
            expect(Math.abs((back?.[t]?.[name]?.[i] as number) - x)).toBeLessThanOrEqual(1e-9 * Math.abs(x) + 1e-12);
          });
        }
      });
    });
  });
});

describe("an element with hyperparameters of its own goes its own way, bit for bit", () => {
  test("in float64", () => {
    const cases = fc
      .record({
        // Those that add nothing up, and keep nothing per tensor.
        optimizer: fc.constantFrom(...bases.filter(({ mixes, finest }) => !mixes && !finest)),
        by: separate,
        coordinate: fc.nat(),
        problem: problems({ maxVariables: 1 }),
      })
      .chain((drawn) => valuesOf(drawn.optimizer).map((values) => ({ ...drawn, values })));
    check(cases, 60, ({ optimizer, by, coordinate, problem, values }) => {
      const spec = (per: Grain): Spec =>
        optimizer.build(
          Object.fromEntries(
            Object.entries(values).map(([name, value]) => {
              const legal = coordinatesFor(value);
              return [name, learned(value, by.it, { per, in: legal[coordinate % legal.length] ?? "identity" })];
            }),
          ),
        );
      const together = traceFloat64(spec("element"), problem);
      const { name, values: initial } = problem.variables[0] as Problem["variables"][number];
      initial.forEach((value, i) => {
        const scalar = { name, shape: [], channelAxes: undefined, values: Float32Array.of(value) };
        const gradients = (t: number) => ({ [name]: Float64Array.of(problem.gradients(t)[name]?.[i] as number) });
        const single = traceFloat64(spec("tensor"), { ...problem, channelAxis: {}, variables: [scalar], gradients });
        const mine = together.map((snapshot) =>
          Object.fromEntries(
            Object.entries(snapshot).map(([key, all]) => [key, [all[all.length === 1 ? 0 : i] as number]]),
          ),
        );
        expectSame(mine, single);
      });
    });
  });
});
