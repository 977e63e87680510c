/**
 * What is worked out in advance for the stages of a rule: their expressions, how they change with learned hyperparameters, and the round
 * in which each can be run, which is the one after the last that it needs.
 */
import { tangentOf } from "../expression/differentiate.js";
import { type Expr, input, type Operand, toExpr } from "../expression/expression.js";
import { finer, type Grain } from "../expression/grain.js";
import { type Node, readingConditions } from "../expression/node.js";
import type { Program } from "../expression/program.js";
import type { Rule } from "../rule/rule.js";
import type { RuleSpec } from "../rule/spec.js";
import { isLearned } from "../rule/spec.js";
import type { Stage } from "../rule/stage.js";

/** The result of a stage: how it is called in programs, and how its change with a learned hyperparameter is. */
export const tangentName = (name: string, hyperparameter: string): string => `${name} by ${hyperparameter}`;

/** What one round runs on every variable. */
export interface Round {
  readonly program: Program;
  readonly stages: readonly PlannedStage[];
}

/** A stage of a plan. */
export class PlannedStage {
  readonly name: string;
  readonly stage: Stage;
  /** What identifies its total. */
  readonly over: object;
  /** What its round's program computes for it, by output name. */
  readonly outputs: Record<string, Expr> = {};
  /** Names of its inputs, and of their changes with each learned hyperparameter: by input, the name of the output. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly tangents: Map<string, Readonly<Record<string, string>>> = new Map();
  round = 0;
  private readonly before: ReadonlyMap<string, PlannedStage>;

  constructor(name: string, stage: Stage, values: Readonly<Record<string, Expr>>, before: readonly PlannedStage[]) {
    this.name = name;
    this.stage = stage;
    this.over = (stage.kind === "total" && stage.over) || this;
    this.before = new Map(before.map((each) => [each.name, each]));
    this.inputs = this.add(values, (key) => outputName(name, key));
  }

  /** Adds how its inputs change with a hyperparameter. */
  addTangents(hyperparameter: string, tangents: Readonly<Record<string, Expr>>): void {
    if (Object.keys(tangents).length === 0) return;
    const names = this.add(tangents, (key) => tangentName(outputName(this.name, key), hyperparameter));
    this.tangents.set(hyperparameter, names);
  }

  private add(values: Readonly<Record<string, Expr>>, called: (key: string) => string): Record<string, string> {
    const names: Record<string, string> = {};
    for (const [key, value] of Object.entries(values)) {
      names[key] = called(key);
      this.outputs[called(key)] = value;
      for (const read of inputsOf(value)) {
        const other = this.before.get(read.split(" by ")[0] as string);
        if (other) this.round = Math.max(this.round, other.round + 1);
      }
    }
    return names;
  }
}

const outputName = (stage: string, key: string): string => (key === "" ? stage : `${stage}: ${key}`);

/** The finest grain, coarser than `per`, at which a hyperparameter can be learned. */
export type FinestOf = (spec: RuleSpec, name: string, per: Grain) => Grain;

/**
 * What to say where something of grain `grain` depends on a hyperparameter that is learned at a finer one; undefined where that is not the reason.
 *
 * @param what It, for the message.
 */
export function tooFine(
  spec: RuleSpec,
  value: Expr,
  what: string,
  grain: Grain,
  finestOf: FinestOf,
): string | undefined {
  const { rule, settings } = spec;
  for (const name of inputsOf(value)) {
    const setting = settings[name];
    if (!isLearned(setting)) continue;
    const per = setting.per ?? (rule.hyperparameters[name]?.per as Grain);
    if (!finer(per, grain)) continue;
    return `${rule.name}: ${name} cannot be learned per ${per}. ${what} has one value per ${grain}, and depends on it. Learn it per ${finestOf(spec, name, per)} or coarser.`;
  }
  return undefined;
}

/** The names of the inputs that an expression reads. */
function inputsOf(root: Node): Set<string> {
  const names = new Set<string>();
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node.kind.op === "input") names.add(node.kind.name);
    node.operands.forEach(visit);
  };
  visit(root);
  return names;
}

/**
 * The stages of a rule, in their order. Their results become leaves.
 *
 * @throws Error where a total has more than one value per tensor.
 */
export function planStages(spec: RuleSpec, leaves: Record<string, Expr>, finestOf: FinestOf): PlannedStage[] {
  const { rule } = spec;
  const planned: PlannedStage[] = [];
  for (const [name, stage] of Object.entries(rule.stages ?? {})) {
    const given = readingConditions(
      `rule "${rule.name}": "${name}"`,
      (): Readonly<Record<string, Operand>> =>
        stage.kind === "total" ? { "": stage.value(leaves) } : stage.inputs(leaves),
    );
    const values = Object.fromEntries(
      Object.entries(given).map(([key, x]) => [key, toExpr(x, `rule "${rule.name}": ${outputName(name, key)}`)]),
    );
    const grain = values[""]?.grain;
    if (grain && finer(grain, "tensor")) {
      const why = tooFine(spec, values[""] as Expr, `What is added up as "${name}"`, "tensor", finestOf);
      throw new Error(
        why ??
          `rule "${rule.name}": the total "${name}" has one value per ${grain}; expected one per tensor. Reduce it: sum(x, "tensor").`,
      );
    }
    planned.push(new PlannedStage(name, stage, values, planned));
    leaves[name] = input(name, stage.kind === "total" ? "model" : "element");
  }
  return planned;
}

const notInTotal = (rule: Rule, total: string, hyperparameter: string, per: Grain): Error =>
  new Error(
    `${rule.name}: ${hyperparameter} cannot be learned per ${per}. "${total}" adds up over all variables something that depends on it, so the parameters of one depend on the values of all. Learn it per model.`,
  );

/**
 * How the inputs of every stage change with a learned hyperparameter, by stage and input; what does not change is left out. The stages' results
 * are given their tangents in `seeds`.
 *
 * @param per What one value of the hyperparameter covers.
 * @throws Error where a stage mixes values that the hyperparameter tells apart, or cannot be differentiated.
 */
export function stageTangents(
  { rule }: RuleSpec,
  stages: readonly PlannedStage[],
  hyperparameter: string,
  per: Grain,
  seeds: Map<Node, Expr>,
  leaves: Readonly<Record<string, Expr>>,
): Map<string, Readonly<Record<string, Expr>>> {
  const all = new Map<string, Readonly<Record<string, Expr>>>();
  const because = (reason: string, remedy: string): Error =>
    new Error(`${rule.name}: ${hyperparameter} cannot be learned${reason} ${remedy}`);
  for (const { name, stage, inputs, outputs } of stages) {
    const tangents: Record<string, Expr> = {};
    if (stage.kind === "operator" && stage.opaque && seeds.has(leaves.p as Expr)) {
      throw because(
        ` with a horizon above 1. "${name}" makes something of the parameter, and nothing can be differentiated through that.`,
        "Leave horizon out.",
      );
    }
    for (const [key, output] of Object.entries(inputs)) {
      const tangent = tangentOf(outputs[output] as Expr, seeds, per);
      if (tangent) tangents[key] = tangent;
    }
    if (Object.keys(tangents).length === 0) continue;
    if (stage.kind === "total" && per !== "model") throw notInTotal(rule, name, hyperparameter, per);
    if (stage.kind === "operator" && stage.opaque) {
      throw because(
        `. What "${name}" is given depends on it, and nothing can be differentiated through that.`,
        "Use a number or a schedule.",
      );
    }
    if (stage.kind === "operator" && finer(per, "tensor")) {
      throw because(
        ` per ${per}. "${name}" mixes all elements of a tensor, so every one of them depends on all of its values.`,
        "Learn it per tensor or coarser.",
      );
    }
    all.set(name, tangents);
    seeds.set(leaves[name] as Expr, input(tangentName(name, hyperparameter), (leaves[name] as Expr).grain));
  }
  return all;
}
