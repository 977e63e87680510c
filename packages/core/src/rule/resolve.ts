/**
 * What a spec is for one variable, once names and shapes are known.
 */

import { listed } from "../expression/shown.js";
import type { RuleSpec, Spec } from "./spec.js";
import type { VariableInfo } from "./variable.js";
import { axesOf, matches, shownPattern } from "./variable.js";

/** What a spec is for one variable. */
export interface Resolved {
  /** Its rule. */
  readonly spec: RuleSpec;
  /** The channel axes that the innermost layout around the rule gives. */
  readonly channelAxes: readonly number[] | undefined;
  /** How many gradients make one step: one in another multiplies. */
  readonly steps: number;
}

/** What a spec is for one variable. */
export function resolve(spec: Spec, variable: VariableInfo): Resolved {
  switch (spec.kind) {
    case "rule":
      return { spec, channelAxes: undefined, steps: 1 };
    case "choice":
      return resolve(
        spec.patterns.some((pattern) => matches(pattern, variable)) ? spec.matching : spec.otherwise,
        variable,
      );
    case "layout": {
      const inner = resolve(spec.spec, variable);
      return { ...inner, channelAxes: inner.channelAxes ?? axesOf(spec.channelAxis, variable) };
    }
    case "accumulate": {
      const inner = resolve(spec.spec, variable);
      return { ...inner, steps: inner.steps * spec.steps };
    }
  }
}

/**
 * Checks that every pattern of every choice matches a variable: a pattern that matches none is a mistake that would go unnoticed.
 *
 * @throws Error that names the pattern and the variables.
 */
export function checkPatterns(spec: Spec, variables: readonly VariableInfo[]): void {
  switch (spec.kind) {
    case "rule":
      return;
    case "layout":
    case "accumulate":
      checkPatterns(spec.spec, variables);
      return;
  }
  for (const pattern of spec.patterns) {
    if (!variables.some((variable) => matches(pattern, variable))) {
      const names = listed(variables.map(({ name }) => name));
      throw new Error(
        `${spec.called}: ${shownPattern(pattern)} matches no variable; there are ${names}. Correct the pattern or remove it.`,
      );
    }
  }
  checkPatterns(spec.matching, variables);
  checkPatterns(spec.otherwise, variables);
}
