import { type Operand, real, rule, sum } from "@hypergrad/core";
import { noiseFor, parametersOf } from "../finite-differences.js";

/** Momentum whose step is scaled by two totals: the second needs the first, the momentum and a hyperparameter. */
export const coupled = rule({
  name: "coupled",
  hyperparameters: { lr: real(0.1), reach: real(0.8) },
  state: { m: 0 },
  totals: {
    squares: ({ g }) => sum(g.square(), "tensor"),
    along: ({ m, g, reach, squares }) => sum(m.mul(g), "tensor").mul(reach).div(squares.add(1)),
  },
  update({ p, g, m, lr, reach, squares, along }) {
    const next = m.mul(0.5).add(g.mul(reach).div(squares.sqrt().add(reach)));
    return { p: p.sub(next.mul(lr).mul(along.tanh().add(1))), m: next };
  },
});

export const shapes = { a: [2, 3], b: [3], c: [] } as const;

export const parameters = parametersOf(shapes);

export const gradients = noiseFor(parameters);

/** p ← p − total: shows what a total is. */
export const shown = (name: string, value: (x: { g: Operand }) => Operand) =>
  rule({
    name,
    hyperparameters: {},
    state: {},
    totals: { total: ({ g }) => value({ g }) as never },
    update: ({ p, total }) => ({ p: p.sub(total) }),
  });
