/**
 * What a level knows of a variable before its first step.
 */

import type { Numbers, Value } from "../executors/executor.js";
import type { Layout } from "../expression/layout.js";
import { sameShape } from "../expression/layout.js";
import { listed, shown } from "../expression/shown.js";
import type { Plan } from "../plan/plan.js";
import type { GivenByName, GivenTensor } from "../rule/rule.js";
import type { VariableInfo } from "../rule/variable.js";
import type { Cell, Tower } from "./cell.js";

/**
 * Every state slot as it is before the first step.
 *
 * @param inputs What the initial values are computed from: p, t and the hyperparameters.
 * @throws Error where a tensor that the rule was given from outside is missing for the variable or does not fit it.
 */
export function initialState<A>(
  { executor, loadGiven }: Tower<A>,
  plan: Plan,
  name: string,
  layout: Layout,
  inputs: Readonly<Record<string, Value<A>>>,
): Map<string, Value<A>> {
  const computed = executor.run(plan.init, inputs, layout);
  const slots = Object.entries(plan.spec.rule.state).map(([slot, { init }]): [string, Value<A>] => [
    slot,
    typeof init === "object" ? loadGiven(givenFor(name, layout, init)) : (computed[slot] as Value<A>),
  ]);
  return new Map(slots);
}

function givenFor(name: string, { shape, size }: Layout, { given, called }: GivenByName): GivenTensor {
  const tensor = given[name];
  if (tensor === undefined) {
    throw new Error(
      `${called}: there is no tensor for the variable "${name}"; there are ${listed(Object.keys(given))}. Add one of shape [${shape}], or exclude the variable.`,
    );
  }
  const values = (tensor as Partial<Numbers> | null)?.values;
  if (!Array.isArray(tensor?.shape) || !("dataId" in tensor || values)) {
    throw new Error(
      `${called}: what is given for the variable "${name}" is ${shown(tensor)}; expected a tf.Tensor, or shape and values.`,
    );
  }
  if (!sameShape(tensor.shape, shape)) {
    throw new Error(
      `${called}: the tensor for the variable "${name}" has shape [${tensor.shape}]; expected the variable's, [${shape}].`,
    );
  }
  if (values && values.length !== size) {
    throw new Error(
      `${called}: the tensor for the variable "${name}" has ${values.length} values; expected ${size} for its shape [${shape}].`,
    );
  }
  return tensor;
}

/** What the operators of a plan remember before the first step. */
export function initialMemory<A>(
  { loadGiven }: Tower<A>,
  { operators }: Plan,
  variable: VariableInfo,
): Cell<A>["memory"] {
  const memory: Cell<A>["memory"] = new Map();
  for (const operator of operators.values()) operator.accepts?.(variable);
  for (const [stage, operator] of operators) {
    const arrays = Object.entries(operator.memory?.(variable.shape) ?? {}).map(([name, made]): [string, A] => {
      const array = loadGiven(made);
      made.dispose();
      return [name, array];
    });
    memory.set(stage, Object.fromEntries(arrays));
  }
  return memory;
}
