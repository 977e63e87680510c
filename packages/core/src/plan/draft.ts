/**
 * Drafts: the expressions of one step, as a rule's functions return them for inputs that stand for everything it reads.
 */
import { type Expr, input, type Operand, toExpr } from "../expression/expression.js";
import { finer, type Grain } from "../expression/grain.js";
import { readingConditions } from "../expression/node.js";
import type { Hyperparameter } from "../rule/rule.js";
import { isLearned, type Learned, type RuleSpec } from "../rule/spec.js";
import { type FinestOf, type PlannedStage, planStages, tooFine } from "./stage-plan.js";

/** A hyperparameter that is learned, and the input that stands for it. */
export interface LearnedInput {
  readonly name: string;
  readonly type: Hyperparameter;
  readonly learned: Learned;
  /** What one of its values covers. */
  readonly per: Grain;
  readonly leaf: Expr;
}

/** The expressions of one step. */
export interface Draft {
  readonly spec: RuleSpec;
  /** What stands for p, g, t, slots, hyperparameters and the results of stages, by name. */
  readonly leaves: Readonly<Record<string, Expr>>;
  readonly learned: readonly LearnedInput[];
  readonly stages: readonly PlannedStage[];
  /** The new parameter, and the new value of every slot. */
  readonly p: Expr;
  readonly slots: Readonly<Record<string, Expr>>;
  /** The slots that the update changes. */
  readonly changing: readonly string[];
  /** What the rule constrains hyperparameters to, by name. */
  readonly constrained: Readonly<Record<string, Operand | undefined>>;
  /** Initial values of the slots that are not given from outside. */
  readonly initial: Readonly<Record<string, Operand>>;
}

/**
 * The draft of a rule with its settings.
 *
 @throws Error where the rule returns something that it must not.
 */
export function draftOf(spec: RuleSpec, finestOf: FinestOf): Draft {
  const { rule } = spec;
  const leaves: Record<string, Expr> = { p: input("p", "element"), g: input("g", "element"), t: input("t", "model") };
  for (const [name, { grain }] of Object.entries(rule.state)) leaves[name] = input(name, grain);
  const learned: LearnedInput[] = [];
  for (const [name, type] of Object.entries(rule.hyperparameters)) {
    const setting = spec.settings[name] as RuleSpec["settings"][string];
    const per = isLearned(setting) ? (setting.per ?? type.per) : "model";
    const leaf = typeof setting === "number" ? toExpr(setting) : input(name, per);
    leaves[name] = leaf;
    if (isLearned(setting)) learned.push({ name, type, learned: setting, per, leaf });
  }
  const stages = planStages(spec, leaves, finestOf);
  const result = readingConditions(`rule "${rule.name}": update`, () => {
    const returned = rule.update(leaves);
    checkResult(spec, returned, finestOf);
    return returned;
  });
  const slots = Object.keys(rule.state);
  return {
    spec,
    leaves,
    learned,
    stages,
    p: toExpr(result.p as Operand),
    slots: Object.fromEntries(slots.map((name) => [name, toExpr(result[name] as Operand)])),
    changing: slots.filter((name) => result[name] !== leaves[name]),
    constrained: result,
    initial: initialValues(spec, leaves, finestOf),
  };
}

function initialValues(
  spec: RuleSpec,
  leaves: Readonly<Record<string, Expr>>,
  finestOf: FinestOf,
): Record<string, Operand> {
  const { rule } = spec;
  const initial: Record<string, Operand> = {};
  for (const [name, { init }] of Object.entries(rule.state)) {
    if (typeof init === "number") initial[name] = init;
    else if (typeof init === "function") {
      const where = `rule "${rule.name}": the initial value of "${name}"`;
      const value = readingConditions(where, () => toExpr(init(leaves), where));
      checkSlot(spec, name, value, "init", finestOf);
      initial[name] = value;
    }
  }
  return initial;
}

function checkResult(spec: RuleSpec, result: Readonly<Record<string, Operand | undefined>>, finestOf: FinestOf): void {
  const { rule } = spec;
  const missing = ["p", ...Object.keys(rule.state)].filter((name) => result[name] === undefined);
  if (missing.length > 0) {
    throw new Error(
      `rule "${rule.name}": update returns no ${missing.join(", no ")}; expected p and every state slot.`,
    );
  }
  for (const name of Object.keys(result)) {
    if (name !== "p" && !(name in rule.state) && !(name in rule.hyperparameters)) {
      throw new Error(
        `rule "${rule.name}": update returns "${name}", which is neither p nor a state slot nor a hyperparameter.`,
      );
    }
  }
  toExpr(result.p as Operand, `rule "${rule.name}": the new p`);
  for (const name of Object.keys(rule.state)) {
    const value = toExpr(result[name] as Operand, `rule "${rule.name}": the new value of "${name}"`);
    checkSlot(spec, name, value, "update", finestOf);
  }
}

function checkSlot(spec: RuleSpec, name: string, value: Expr, where: string, finestOf: FinestOf): void {
  const { grain } = spec.rule.state[name] as RuleSpec["rule"]["state"][string];
  if (!finer(value.grain, grain)) return;
  const why = tooFine(spec, value, `The state slot "${name}"`, grain, finestOf);
  throw new Error(
    why ??
      `rule "${spec.rule.name}": the state slot "${name}" has one value per ${grain}, but ${where} returns one per ${value.grain} for it. Declare it as slot("${value.grain}", …), or reduce.`,
  );
}
