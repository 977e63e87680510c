/**
 * Variations of a problem that must not matter to a variable: gradients that are missing, another order, no other variables; and one without elements.
 */
import { sizeOf } from "../expression/layout.js";
import type { Form } from "./forms.js";
import type { Problem, ProblemVariable } from "./problems.js";

/** For every step, and every variable in their order: true where it has no gradient. Steps beyond the last begin anew. */
export type Gaps = readonly (readonly boolean[])[];

/** The problem with gradients missing, in the order of the variables or the reverse. */
export function withGaps(problem: Problem, gone: Gaps, reverse: boolean): Problem {
  const names = problem.variables.map(({ name }) => name);
  const order = reverse ? [...names].reverse() : names;
  return {
    ...problem,
    variables: reverse ? [...problem.variables].reverse() : problem.variables,
    gradients: (t) => {
      const all = problem.gradients(t);
      const present = order.filter((name) => !gone[t % gone.length]?.[names.indexOf(name)]);
      return Object.fromEntries(present.map((name) => [name, all[name] as Float32Array]));
    },
  };
}

/** The problem of one of the variables alone, in the steps in which it has a gradient. */
export function alone(problem: Problem, i: number, gone: Gaps): Problem {
  const variable = problem.variables[i] as ProblemVariable;
  const present = Array.from({ length: problem.steps }, (_, t) => t).filter((t) => !gone[t % gone.length]?.[i]);
  return {
    ...problem,
    variables: [variable],
    steps: present.length,
    gradients: (t) => ({
      [variable.name]: problem.gradients(present[t] as number)[variable.name] as Float32Array,
    }),
  };
}

/** Shapes without elements, and single numbers: those that are accepted. */
export function emptied(problem: Problem, accepts: (form: Form) => boolean): Problem {
  const shapes = [[0], [0, 3], [3, 0], [], [1]];
  const forms = shapes.map((shape): Form => ({ shape, channelAxes: undefined })).filter(accepts);
  const variables = forms.map((form, i): ProblemVariable => {
    return { ...form, name: `v${i}`, values: new Float32Array(sizeOf(form.shape)).fill(0.5) };
  });
  const first = (t: number): number => Object.values(problem.gradients(t))[0]?.[0] ?? 1;
  return {
    ...problem,
    variables,
    channelAxis: {},
    gradients: (t) =>
      Object.fromEntries(variables.map(({ name, values }) => [name, new Float32Array(values.length).fill(first(t))])),
  };
}
