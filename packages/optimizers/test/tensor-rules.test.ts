/**
 * Muon and Shampoo against loops in float64: where they go, and how that changes with every hyperparameter.
 */
import { groups, hyper, learned, type Setting, type Spec } from "@hypergrad/core";
import { muon, sgd, shampoo } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { reveal } from "../../core/src/testing/reveal.js";
import { backends } from "../../core/test/support.js";

const STEPS = 4;
type Matrix = number[][];

function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const matrix = (rows: number, columns: number, next: () => number): Matrix =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => Math.fround(next())));

const map = (f: (...xs: number[]) => number, ...all: Matrix[]): Matrix =>
  (all[0] as Matrix).map((row, i) => row.map((_, j) => f(...all.map((each) => (each[i] as number[])[j] as number))));
const transpose = (a: Matrix): Matrix => (a[0] as number[]).map((_, j) => a.map((row) => row[j] as number));
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) =>
    (b[0] as number[]).map((_, j) => row.reduce((sum, x, k) => sum + x * ((b[k] as number[])[j] as number), 0)),
  );
const squares = (a: Matrix): number => a.flat().reduce((sum, x) => sum + x * x, 0);

/** Hyperparameters at a step, 0 first: a learned one is moved in one step alone. */
type Settings = (step: number) => Readonly<Record<string, number>>;

/** The parameter after every step. */
type Run = (start: Matrix, gradients: readonly Matrix[], settings: Settings) => Matrix[];

const runMuon =
  (nesterov: boolean): Run =>
  (start, gradients, settings) => {
    let p = start;
    let buffer = map(() => 0, start);
    return gradients.map((g, step) => {
      const { lr, momentum, weightDecay, a, b, c } = settings(step) as Record<string, number> as {
        [K in "lr" | "momentum" | "weightDecay" | "a" | "b" | "c"]: number;
      };
      buffer = map((x, d) => momentum * x + (1 - momentum) * d, buffer, g);
      const u = nesterov ? map((x, d) => momentum * x + (1 - momentum) * d, buffer, g) : buffer;
      const [rows, columns] = [u.length, (u[0] as number[]).length];
      const norm = Math.sqrt(squares(u)) + 1e-7;
      let x = map((y) => y / norm, rows > columns ? transpose(u) : u);
      for (let i = 0; i < 5; i++) {
        const square = product(x, transpose(x));
        const polynomial = map((s, q) => b * s + c * q, square, product(square, square));
        x = map((y, z) => a * y + z, x, product(polynomial, x));
      }
      const o = map((y) => y * Math.sqrt(Math.max(1, columns / rows)), rows > columns ? transpose(x) : x);
      p = map((y, z) => y * (1 - lr * weightDecay) - lr * z, p, o);
      return p;
    });
  };

/** A^power of a symmetric matrix, from its eigenvectors by Jacobi's rotations. */
function symmetricPower(symmetric: Matrix, power: number): Matrix {
  const n = symmetric.length;
  let a = symmetric;
  let vectors = map((_) => 0, symmetric).map((row, i) => row.map((x, j) => (i === j ? x + 1 : x)));
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = (a[p] as number[])[q] as number;
        if (apq === 0) continue;
        const theta = Math.atan2(2 * apq, ((a[q] as number[])[q] as number) - ((a[p] as number[])[p] as number)) / 2;
        const [c, s] = [Math.cos(theta), Math.sin(theta)];
        const turn = symmetric.map((row, i) =>
          row.map((_, j) =>
            i === j ? (i === p || i === q ? c : 1) : i === p && j === q ? s : i === q && j === p ? -s : 0,
          ),
        );
        a = product(product(transpose(turn), a), turn);
        vectors = product(vectors, turn);
      }
    }
  }
  const scaled = vectors.map((row) => row.map((x, j) => x * ((a[j] as number[])[j] as number) ** power));
  return product(scaled, transpose(vectors));
}

const runShampoo: Run = (start, gradients, settings) => {
  let p = start;
  let velocity = map(() => 0, start);
  let left = product(start, transpose(start)).map((row) => row.map(() => 0));
  let right = product(transpose(start), start).map((row) => row.map(() => 0));
  return gradients.map((g, step) => {
    const { lr, momentum, eps, weightDecay } = settings(step) as {
      [K in "lr" | "momentum" | "eps" | "weightDecay"]: number;
    };
    left = map((a, b) => a + b, left, product(g, transpose(g)));
    right = map((a, b) => a + b, right, product(transpose(g), g));
    const damped = (h: Matrix): Matrix => h.map((row, i) => row.map((x, j) => (i === j ? x + eps : x)));
    const direction = product(product(symmetricPower(damped(left), -1 / 4), g), symmetricPower(damped(right), -1 / 4));
    velocity = map((a, b) => momentum * a + b, velocity, direction);
    p = map((y, v) => y - lr * (v + weightDecay * y), p, velocity);
    return p;
  });
};

const muonValues = { lr: 0.1, momentum: 0.7, weightDecay: 0.2, a: 3.4445, b: -4.775, c: 2.0315 };
const rules: readonly {
  readonly name: string;
  readonly build: (settings: Readonly<Record<string, Setting>>) => Spec;
  readonly run: Run;
  readonly values: Readonly<Record<string, number>>;
}[] = [
  { name: "muon", build: (settings) => muon(settings), run: runMuon(true), values: muonValues },
  {
    name: "muon without Nesterov",
    build: (settings) => muon({ ...settings, nesterov: false }),
    run: runMuon(false),
    values: muonValues,
  },
  {
    name: "shampoo",
    build: (settings) => shampoo(settings),
    run: runShampoo,
    values: { lr: 0.1, momentum: 0.7, eps: 0.05, weightDecay: 0.2 },
  },
];

const shapes = [
  [3, 5],
  [5, 3],
  [4, 4],
] as const;

function problemOf([rows, columns]: readonly [number, number]) {
  const next = noise(rows * 10 + columns);
  return {
    start: matrix(rows, columns, next),
    gradients: Array.from({ length: STEPS }, () => matrix(rows, columns, next)),
  };
}

function variable(initial: tf.Tensor, name: string): tf.Variable {
  const made = tf.variable(initial, true, name);
  initial.dispose();
  return made;
}

/** The variables after every step, and the hyperparameters after the last. */
async function trace(spec: Spec, problems: readonly ReturnType<typeof problemOf>[]) {
  const optimizer = hyper(spec);
  const variables = problems.map(({ start }, i) => variable(tf.tensor2d(start), `w${i}`));
  const rows: number[][] = [];
  for (let step = 0; step < STEPS; step++) {
    const gradients = problems.map(({ gradients }, i) => ({
      name: `w${i}`,
      tensor: tf.tensor2d(gradients[step] as Matrix),
    }));
    optimizer.applyGradients(gradients);
    tf.dispose(gradients.map(({ tensor }) => tensor));
    rows.push(variables.flatMap((variable) => [...variable.dataSync()]));
  }
  const hyperparameters = await optimizer.hyperparameters();
  optimizer.dispose();
  tf.dispose(variables);
  return { rows, hyperparameters };
}

describe.each(backends)("on %s", (backend) => {
  beforeAll(() => tf.setBackend(backend));
  afterEach(() => {
    tf.disposeVariables();
    expect(tf.memory().numTensors).toBe(0);
  });

  describe.each(rules)("$name", ({ build, run, values }) => {
    test.each(shapes)("goes where its equations lead, for a matrix of %i by %i", async (...shape) => {
      const problem = problemOf(shape);
      const { rows } = await trace(build(values), [problem]);
      const expected = run(problem.start, problem.gradients, () => values);
      rows.forEach((row, step) => {
        row.forEach((x, i) => {
          expect(x, `step ${step}, entry ${i}`).toBeCloseTo((expected[step] as Matrix).flat()[i] as number, 3.5);
        });
      });
    });

    test.each(["tensor", "model"] as const)(
      "changes with every hyperparameter as finite differences say, per %s",
      async (per) => {
        const problems = [problemOf([3, 5]), problemOf([4, 4])];
        // Everything is learned at once: each has its own sensitivity.
        const scale = (t: number): number => (t === STEPS - 1 ? 1 : 0);
        // What is revealed is no value of the domain: only its share inside can be read off, so the sign is turned where it must.
        const revealed = async (sign: number) => {
          const by = reveal({ scale: (t) => sign * 1e-3 * scale(t) });
          const turned = Object.entries(values).map(([name, value]) => [name, learned(value, by, { per })]);
          const { hyperparameters } = await trace(build(Object.fromEntries(turned)), problems);
          return hyperparameters;
        };
        const [plus, minus] = [await revealed(1), await revealed(-1)];
        for (const [name, value] of Object.entries(values)) {
          const derivatives = problems.map(({ start, gradients }) => {
            const h = 1e-5 * Math.max(1, Math.abs(value));
            const at = (x: number): Matrix =>
              run(start, gradients.slice(0, -1), (t) => (t === STEPS - 2 ? { ...values, [name]: x } : values)).at(
                -1,
              ) as Matrix;
            const slope = map((a, b) => (a - b) / (2 * h), at(value + h), at(value - h));
            return map((a, b) => a * b, slope, gradients.at(-1) as Matrix)
              .flat()
              .reduce((a, b) => a + b, 0);
          });
          const expected =
            per === "tensor" ? derivatives : derivatives.map(() => derivatives.reduce((a, b) => a + b, 0));
          expected.forEach((d, i) => {
            const read = (d > 0 ? plus : minus)[`w${i}`]?.[name] as number;
            // a, b and c live on the whole line, the others above 0.
            const actual = (read / 1e-3) * (d > 0 ? 1 : -1);
            expect(Math.abs(actual - d), `${name}: ${actual} and not ${d}`).toBeLessThan(2e-3 * Math.abs(d) + 2e-4);
          });
        }
      },
    );
  });

  test("shampoo takes tensors of any rank, and leaves long axes alone", async () => {
    const optimizer = hyper(shampoo({ maxSize: 4, momentum: 0.5 }));
    const variables = [[], [3], [2, 3, 2, 5], [1, 4], [7, 6]].map((shape, i) => variable(tf.ones(shape), `v${i}`));
    for (let step = 0; step < 3; step++) {
      optimizer.minimize(() => tf.addN(variables.map((v) => tf.sum(tf.square(v)))) as tf.Scalar);
    }
    for (const v of variables) for (const x of v.dataSync()) expect(x).toBeLessThan(1);
    optimizer.dispose();
    tf.dispose(variables);
  });

  test("muon refuses a vector, and says what to do; in a group of its own it is no matter", () => {
    const [kernel, bias] = [variable(tf.ones([2, 2]), "kernel"), variable(tf.ones([2]), "bias")];
    const loss = (): tf.Scalar => tf.add(tf.sum(tf.square(kernel)), tf.sum(tf.square(bias)));
    const refusing = hyper(muon());
    expect(() => refusing.minimize(loss)).toThrow(/muon: "bias" has shape \[2\]; expected a matrix .* groups\(/);
    expect([...kernel.dataSync(), ...bias.dataSync()].every((x) => x === 1)).toBe(true);
    refusing.dispose();
    const optimizer = hyper(groups([[({ shape }) => shape.length < 2, sgd({ lr: 0.1 })]], muon()));
    optimizer.minimize(loss);
    expect(bias.dataSync()[0]).toBeCloseTo(0.8, 6);
    expect(kernel.dataSync()[0]).toBeLessThan(1);
    optimizer.dispose();
    tf.dispose([kernel, bias]);
  });
});
