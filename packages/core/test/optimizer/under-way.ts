import { type HyperOptions, hyper, learned, linear } from "@hypergrad/core";
import { averaged, descent, step, variables } from "../support.js";

/** A constant, a schedule, a value for the model and one per channel, with state: everything that could change. */
export const spec = averaged({
  lr: learned(0.1, descent({ lr: linear(1e-3, { steps: 10 }) })),
  decay: learned(0.5, descent({ lr: 1e-3 }), { per: "channel" }),
});

export const shapes = { w: [2, 3], b: [3] } as const;

/** An optimizer that has taken two steps. */
export function underWay(options?: HyperOptions, learning = spec) {
  const all = variables(shapes);
  const optimizer = hyper(learning, options);
  step(optimizer, all, 1);
  step(optimizer, all, 2);
  return { all, optimizer };
}
