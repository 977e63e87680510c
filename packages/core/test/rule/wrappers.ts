import { float64, minimum, nonNegative, type Spec, sum, wrapper } from "@hypergrad/core";
import { noiseFor, parametersOf } from "../finite-differences.js";

export const parameters = parametersOf({ a: [2, 3], b: [3] });

export const gradients = noiseFor(parameters);

/** Steps of a spec in float64: the parameters, all in one row. */
export function run(spec: Spec, steps = 4): number[] {
  const optimizer = float64(spec, parameters);
  for (let t = 0; t < steps; t++) optimizer.step(gradients(t));
  return Object.values(optimizer.parameters).flatMap(({ values }) => [...values]);
}

/** Clipping by the norm of the whole gradient. */
export const clipped = wrapper({
  name: "clipped",
  hyperparameters: { maxNorm: nonNegative(1) },
  state: {},
  totals: { squares: ({ g }) => sum(g.square(), "tensor") },
  gradient: ({ g, maxNorm, squares }) => g.mul(minimum(1, maxNorm.div(squares.sqrt()))),
});

/** L2: a penalty λ‖p‖²/2 on the loss. */
export const penalised = wrapper({
  name: "penalised",
  hyperparameters: { lambda: nonNegative(0.1) },
  gradient: ({ p, g, lambda }) => g.add(p.mul(lambda)),
  objective: ({ p, g, lambda }) => g.add(p.mul(lambda)),
  state: {},
});

/** Decoupled decay. */
export const decayed = wrapper({
  name: "decayed",
  hyperparameters: { share: nonNegative(0.1) },
  state: {},
  update: ({ p, proposed, share }) => ({ p: proposed.sub(p.mul(share)) }),
});
