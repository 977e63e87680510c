/**
 * Specs as text: for checkpoints, which fit only the optimizer that made them, and for people.
 */
import { isLearned, type Spec } from "./spec.js";
import { shownPattern } from "./variable.js";

/** The part of a spec that a checkpoint depends on, as text: rules, slots, and what is learned how; not the values of fixed numbers. */
export function structureOf(spec: Spec): string {
  switch (spec.kind) {
    case "layout":
      return structureOf(spec.spec);
    case "accumulate":
      return `accumulate(${structureOf(spec.spec)}, ${spec.steps})`;
    case "choice":
      return `[${spec.patterns.map((pattern) => (typeof pattern === "function" ? pattern.name : pattern)).join(" | ")}] ? ${structureOf(spec.matching)} : ${structureOf(spec.otherwise)}`;
    case "rule": {
      const learned = Object.entries(spec.settings).flatMap(([name, setting]) =>
        isLearned(setting)
          ? [
              `${name}: learned(per ${setting.per ?? spec.rule.hyperparameters[name]?.per}, in ${setting.in}, ${setting.horizon === 1 ? "" : `horizon ${setting.horizon}, `}by ${structureOf(setting.by)})`,
            ]
          : [],
      );
      return `${spec.rule.name}(${learned.join(", ")})`;
    }
  }
}

/** A spec as plain JSON, for people and for `getConfig`: functions appear by name. */
export function describe(spec: Spec): Record<string, unknown> {
  switch (spec.kind) {
    case "layout":
      return describe(spec.spec);
    case "accumulate":
      return { accumulate: spec.steps, ...describe(spec.spec) };
    case "choice":
      return {
        [spec.called]: spec.patterns.map((pattern) =>
          typeof pattern === "function" ? shownPattern(pattern) : String(pattern),
        ),
        matching: describe(spec.matching),
        otherwise: describe(spec.otherwise),
      };
    case "rule":
      return {
        rule: spec.rule.name,
        ...Object.fromEntries(
          Object.entries(spec.settings).map(([name, setting]) => [
            name,
            isLearned(setting)
              ? {
                  learned: setting.init,
                  per: setting.per ?? spec.rule.hyperparameters[name]?.per,
                  in: setting.in,
                  by: describe(setting.by),
                }
              : typeof setting === "function"
                ? "schedule"
                : setting,
          ]),
        ),
      };
  }
}
