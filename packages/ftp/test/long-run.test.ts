/**
 * The long run: 10⁵ steps of random compositions, with constant memory and no drift between executors beyond rounding.
 *
 * Every executor descends a noisy quadratic of its own, on gradients taken where it is. What rounding alone does to a composition is seen in
 * float64, with arrays that are rounded to float32 and off by a unit or two in the last place: most compositions forget such an error as they
 * forget any displacement, some amplify it before they do. No executor may be further off than that.
 */
import "@hypergrad/wasm";
import v8 from "node:v8";
import vm from "node:vm";
import {
  accumulate,
  chain,
  cosine,
  groups,
  type HyperOptions,
  hyper,
  learned,
  type Setting,
  type Spec,
  type Transform,
} from "@hypergrad/core";
import { random } from "@hypergrad/core/testing";
import {
  adabelief,
  adagrad,
  adam,
  adamax,
  adamw,
  adan,
  ademamix,
  averaged,
  clipByGlobalNorm,
  frozen,
  l2,
  lamb,
  lookahead,
  multiplicative,
  nadam,
  prodigy,
  radam,
  rmsprop,
  scheduleFreeAdamw,
  sgd,
  yogi,
} from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import type { Executor } from "../../core/src/executors/executor.js";
import { type Array64, float64Executor } from "../../core/src/executors/float64-executor.js";
import { Transaction } from "../../core/src/executors/transaction.js";
import type { Cell, Update } from "../../core/src/tower/cell.js";
import { gather } from "../../core/src/tower/gather.js";
import { Level } from "../../core/src/tower/level.js";
import { ftp } from "../src/index.js";

const COMPOSITIONS = 10;
const STEPS = 10_000;
const LOOKS = 20;

const shapes: Readonly<Record<string, readonly number[]>> = { kernel: [4, 3], bias: [3], scale: [], frozen: [2] };
const names = Object.keys(shapes);
const sizeOf = (name: string): number => (shapes[name] as number[]).reduce((a, b) => a * b, 1);

/** A composition: rules, wrappers, learners, groups, whatever fits together. */
function composition(seed: number): Spec {
  const next = random(seed);
  const one = <T>(...choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T;
  const lr = () =>
    one<Setting>(
      0.01,
      cosine(0.02, { steps: STEPS, end: 0.002 }),
      learned(0.01, adam({ lr: 1e-3 }), { in: "log", per: one("model", "tensor"), maxChange: 0.1 }),
      learned(0.01, sgd({ lr: learned(1e-6, sgd({ lr: 1e-12 })) }), { per: one("model", "channel"), clip: 1 }),
      learned(0.01, accumulate(adam({ lr: 1e-3 }), { steps: 3 }), { in: "log", warmup: 100, horizon: 4, decay: 0.9 }),
      multiplicative(0.01, 1e-3),
    );
  const base = () =>
    one(
      () => sgd({ lr: lr(), momentum: 0.8 }),
      () => adamw({ lr: lr(), beta1: learned(0.9, adam({ lr: 1e-4 }), { in: "logit" }) }),
      () => rmsprop({ lr: lr(), centered: one(true, false), eps: 1e-3 }),
      () => adagrad({ lr: lr(), eps: 1e-4 }),
      () => nadam({ lr: lr() }),
      () => radam({ lr: lr() }),
      () => adamax({ lr: lr() }),
      () => adabelief({ lr: lr(), eps: 1e-6 }),
      () => adan({ lr: lr() }),
      () => ademamix({ lr: lr(), beta3: 0.99 }),
      () => yogi({ lr: lr() }),
      () => lamb({ lr: lr() }),
      () => scheduleFreeAdamw({ lr: 0.01 }),
      () => prodigy({ growthRate: 1.02 }),
    )();
  const wrappers: readonly (() => Transform)[] = [
    () => clipByGlobalNorm({ maxNorm: 2 }),
    () => l2({ weightDecay: 1e-2 }),
    () => averaged({ decay: 0.99 }),
    () => lookahead(),
    () => (spec) => accumulate(spec as Spec, { steps: 2 }),
    () => (spec) => ftp(spec, { radius: learned(0.05, adam({ lr: 1e-3 })) }),
  ];
  const chosen = wrappers.filter(() => next() < 0.35).map((make) => make());
  const trained = groups([["bias", base()]], base());
  return groups([["frozen", frozen()]], chain(...chosen, trained));
}

const targets = Object.fromEntries(
  names.map((name, i) => {
    const next = random(i, 17);
    return [name, Float64Array.from({ length: sizeOf(name) }, () => 2 * next() - 1)];
  }),
);

/** The gradient of a quadratic with its minimum at the target, and noise: the same for all executors. */
function gradientOf(name: string, p: ArrayLike<number>, noise: () => number): Float64Array {
  const target = targets[name] as Float64Array;
  return Float64Array.from(target, (x, i) => (1 + i / 4) * ((p[i] as number) - x) + 0.05 * (2 * noise() - 1));
}

type Look = Readonly<Record<string, ArrayLike<number>>>;

const initial = (name: string): number[] => Array.from({ length: sizeOf(name) }, (_, i) => Math.fround(0.5 - 0.1 * i));

/** float64 whose arrays are rounded to float32 wherever a program ends, and then off by up to two units in the last place. */
function rounding(seed: number): Executor<Array64> {
  const next = random(seed);
  const rounded = (x: number): number => Math.fround(x * (1 + 2 ** -22 * (2 * next() - 1)));
  return {
    ...float64Executor,
    run(...call) {
      const outputs = Object.entries(float64Executor.run(...call)).map(([name, value]) => [
        name,
        typeof value === "number" ? value : { shape: value.shape, values: value.values.map(rounded) },
      ]);
      return Object.fromEntries(outputs);
    },
  };
}

/** The run in float64, or on another executor of its kind. */
function runNumbers(spec: Spec, seed: number, executor: Executor<Array64> = float64Executor): Look[] {
  const loadGiven = (): never => {
    throw new Error("nothing is given here");
  };
  const tower = { executor: new Transaction(executor), loadGiven, refused: 0 };
  const level = new Level<Array64>(tower, spec);
  const parameters = new Map(
    names.map((name) => [name, executor.load({ shape: shapes[name] as readonly number[], values: initial(name) })]),
  );
  for (const [name, p] of parameters) level.adopt(level.createCell(name, p.shape, p));
  const noise = random(seed, 99);
  const looks: Look[] = [];
  for (let step = 1; step <= STEPS; step++) {
    level.schedule();
    const updates = [...parameters].flatMap(([name, p]) => {
      const cell = level.cells.get(name) as Cell<Array64>;
      const g = executor.load({ shape: p.shape, values: gradientOf(name, p.values, noise) });
      const mean = cell.steps === 1 ? g : (gather(tower, cell, g) as Array64 | undefined);
      return mean ? [{ cell, p, g: mean }] : [];
    });
    if (updates.length > 0) {
      level
        .step(updates)()
        .forEach((p, i) => {
          const { name, layout } = (updates[i] as Update<Array64>).cell;
          parameters.set(name, executor.spread(p, layout.shape));
        });
    }
    if (step % (STEPS / LOOKS) === 0) {
      looks.push(Object.fromEntries([...parameters].map(([name, { values }]) => [name, values])));
    }
  }
  return looks;
}

v8.setFlagsFromString("--expose-gc");
const collect = vm.runInNewContext("gc") as () => void;

/** Bytes of JavaScript that are in use, when everything that could be freed was. */
function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** What a run uses, at two times between which nothing may grow. */
interface Memory {
  readonly tensors: readonly number[];
  readonly bytes: readonly number[];
  readonly heaps: readonly number[];
}

async function runTensors(spec: Spec, seed: number, options: HyperOptions): Promise<{ looks: Look[]; memory: Memory }> {
  const variables = names.map((name) =>
    tf.tidy(() => tf.variable(tf.tensor(initial(name), [...(shapes[name] as number[])], "float32"), true, name)),
  );
  const optimizer = hyper(spec, options);
  const noise = random(seed, 99);
  const looks: Look[] = [];
  const memory = { tensors: [] as number[], bytes: [] as number[], heaps: [] as number[] };
  for (let step = 1; step <= STEPS; step++) {
    const gradients = variables.map((variable) => ({
      name: variable.name,
      tensor: tf.tensor(
        Float32Array.from(gradientOf(variable.name, variable.dataSync(), noise)),
        variable.shape,
        "float32",
      ),
    }));
    optimizer.applyGradients(gradients);
    tf.dispose(gradients.map(({ tensor }) => tensor));
    if (step % (STEPS / LOOKS) === 0) {
      looks.push(
        Object.fromEntries(variables.map(({ name }, i) => [name, variables[i]?.dataSync().slice() as Float32Array])),
      );
    }
    // At even distances, in which accumulation and lookahead are at the same point.
    if (step === STEPS / 5 || step === STEPS) {
      memory.tensors.push(tf.memory().numTensors);
      memory.bytes.push(tf.memory().numBytes);
      memory.heaps.push(heap());
    }
  }
  expect(await optimizer.nonFinite()).toEqual({ steps: 0, hyperGradients: 0, variables: [] });
  optimizer.dispose();
  tf.dispose(variables);
  return { looks, memory };
}

/** The largest relative difference at every look. */
const differences = (a: readonly Look[], b: readonly Look[]): number[] =>
  a.map((look, i) =>
    Math.max(
      ...names.flatMap((name) =>
        Array.from(
          look[name] as Float64Array,
          (x, j) => Math.abs(x - (b[i]?.[name]?.[j] as number)) / (1 + Math.abs(x)),
        ),
      ),
    ),
  );

/** Compositions that forget rounding errors. */
let sharp = 0;

afterAll(() => {
  expect(sharp).toBeGreaterThanOrEqual(COMPOSITIONS / 2);
});

describe.each(Array.from({ length: COMPOSITIONS }, (_, i) => i + 1))("10⁴ steps of composition %i", (seed) => {
  const spec = composition(seed);

  test("use constant memory, and end where float64 does", { timeout: 120_000 }, async () => {
    await tf.setBackend("wasm");
    const before = tf.memory().numTensors;
    const exact = runNumbers(spec, seed);
    const { looks, memory } = await runTensors(spec, seed, {});
    expect(tf.memory().numTensors).toBe(before);
    expect(memory.tensors[1]).toBe(memory.tensors[0]);
    expect(memory.bytes[1]).toBe(memory.bytes[0]);
    // Compiled code and caches come and go; a leak of one object per step would be 10⁶ bytes.
    expect((memory.heaps[1] as number) - (memory.heaps[0] as number)).toBeLessThan(5e5);

    const apart = Math.max(...differences(exact, looks));
    // Most are as near as this, and what rounding does to them need not be asked.
    if (apart < 1e-5) sharp++;
    else expect(apart).toBeLessThan(10 * Math.max(...differences(exact, runNumbers(spec, seed, rounding(1)))));
    // It went somewhere, and it stayed there.
    const moved = Math.max(
      ...Array.from(exact.at(-1)?.kernel as Float64Array, (x, i) => Math.abs(x - (initial("kernel")[i] as number))),
    );
    expect(moved).toBeGreaterThan(1e-2);
    expect(Array.from(exact.at(-1)?.frozen as Float64Array)).toEqual(initial("frozen"));
  });
});
