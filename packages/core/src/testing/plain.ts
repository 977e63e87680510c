/**
 * A rule's own step, without the machinery around it: its expressions on plain numbers, everything that they return in sight.
 */
import type { Executor, Value } from "../executors/executor.js";
import type { Array64 } from "../executors/float64-executor.js";
import { constant, type Expr, input, type Operand, toExpr } from "../expression/expression.js";
import { type Layout, layoutOf, shapeOf, sizeOf } from "../expression/layout.js";
import { compile, type Program } from "../expression/program.js";
import { resolve } from "../rule/resolve.js";
import type { Rule } from "../rule/rule.js";
import type { RuleSpec, Spec } from "../rule/spec.js";
import type { Operator } from "../rule/stage.js";
import { loadGiven, operate64 } from "./oracle.js";
import type { ProblemVariable } from "./problems.js";
import { numberOf } from "./subject.js";

/** What the hyperparameters are to the expressions: inputs, or where they are numbers these themselves, as in an optimizer that learns none. */
type Hypers = "inputs" | RuleSpec["settings"];

/** An operator of a rule, with what computes its inputs. */
interface PlainOperator {
  readonly name: string;
  readonly operator: Operator;
  readonly program: Program;
}

/** The inputs of the expressions, and the operators that some of them come from. A total is what the variable itself adds to it: there is no other. */
function leavesOf(rule: Rule, hypers: Hypers): { leaves: Record<string, Expr>; operators: PlainOperator[] } {
  const { state, hyperparameters, stages = {} } = rule;
  const leaves: Record<string, Expr> = { p: input("p", "element"), g: input("g", "element"), t: input("t", "model") };
  for (const [name, { grain }] of Object.entries(state)) leaves[name] = input(name, grain);
  for (const name of Object.keys(hyperparameters)) {
    const setting = hypers === "inputs" ? undefined : hypers[name];
    leaves[name] = typeof setting === "number" ? constant(setting) : input(name, "tensor");
  }
  const operators: PlainOperator[] = [];
  for (const [name, stage] of Object.entries(stages)) {
    if (stage.kind === "total") leaves[name] = toExpr(stage.value(leaves));
    else {
      operators.push({ name, operator: stage, program: compile(stage.inputs(leaves), rule.name) });
      leaves[name] = input(name, "element");
    }
  }
  return { leaves, operators };
}

/** The rule's update as a program: the new p, every slot, and the hyperparameters that it constrains. */
export function updateProgram(rule: Rule, hypers: Hypers): Program {
  const outputs = Object.entries(rule.update(leavesOf(rule, hypers).leaves)).filter(([, value]) => value !== undefined);
  return compile(Object.fromEntries(outputs) as Record<string, Operand>, rule.name);
}

/** All programs of a rule's step. */
export const programsOf = (rule: Rule, hypers: Hypers): Program[] => [
  ...leavesOf(rule, hypers).operators.map(({ program }) => program),
  updateProgram(rule, hypers),
];

/** The rule's initial state as a program. */
export function initProgram(rule: Rule, hypers: Hypers): Program {
  const { leaves } = leavesOf(rule, hypers);
  const computed = Object.entries(rule.state).flatMap(([name, { init }]): [string, Operand][] =>
    typeof init === "number" ? [[name, init]] : typeof init === "function" ? [[name, init(leaves)]] : [],
  );
  return compile(Object.fromEntries(computed), rule.name);
}

/** A variable with the rule at work on it. */
export interface PlainRun {
  readonly layout: Layout;
  /** Its value, and that of every slot. */
  readonly values: Readonly<Record<string, Value<Array64>>>;
  /** What a hyper-gradient is contracted with, for the next gradient: the gradient of what the rule descends. */
  readonly descended: (g: ArrayLike<number>) => ArrayLike<number>;
  /** One step; returns what the rule wrote to hyperparameters. */
  readonly step: (g: ArrayLike<number>) => Readonly<Record<string, Value<Array64>>>;
}

/** The rule of a spec that a variable of a problem gets, and its layout. */
export function ruleFor(spec: Spec, variable: ProblemVariable): { spec: RuleSpec; layout: Layout } {
  const { spec: ruleSpec, channelAxes } = resolve(spec, variable);
  return { spec: ruleSpec, layout: layoutOf(variable.shape, channelAxes ?? variable.channelAxes, variable.name) };
}

/**
 * A variable with a rule at work on it.
 *
 * @param spec With numbers or schedules for all hyperparameters; what is learned stays at its initial value.
 * @param constants True: numbers are part of the program; false: inputs of it.
 */
export function plainRun(
  executor: Executor<Array64>,
  spec: Spec,
  variable: ProblemVariable,
  constants = false,
): PlainRun {
  const { spec: found, layout } = ruleFor(spec, variable);
  const { rule } = found;
  const hypers = constants ? found.settings : "inputs";
  const program = updateProgram(rule, hypers);
  const { leaves, operators } = leavesOf(rule, hypers);
  const objective = rule.objective && compile({ g: rule.objective(leaves) }, rule.name);
  const values = startOf(executor, found, variable, layout, hypers);
  const memory = new Map(operators.map(({ name, operator }) => [name, memoryOf(operator, variable)]));
  let t = 0;
  const inputsFor = (g: ArrayLike<number>, step: number): Record<string, Value<Array64>> => ({
    ...numbersAt(found, step - 1),
    ...values,
    t: step,
    g: executor.load({ shape: variable.shape, values: g }),
  });
  return {
    layout,
    values,
    descended(g) {
      if (!objective) return g;
      const result = executor.run(objective, inputsFor(g, t + 1), layout).g as Value<Array64>;
      return executor.spread(result, variable.shape).values;
    },
    step(g) {
      t++;
      const inputs = inputsFor(g, t);
      for (const { name, operator, program: before } of operators) {
        const call = { name: variable.name, shape: variable.shape, inputs: executor.run(before, inputs, layout) };
        const known = memory.get(name) ?? {};
        const [result] = operate64(operator, [{ ...call, tangents: {}, memory: known }]);
        inputs[name] = result?.value as Array64;
        memory.set(name, { ...known, ...result?.memory });
      }
      const result = executor.run(program, inputs, layout);
      const written: Record<string, Value<Array64>> = {};
      for (const [name, value] of Object.entries(result)) {
        if (name in values) values[name] = value;
        else written[name] = value;
      }
      values.p = executor.spread(values.p as Value<Array64>, variable.shape);
      return written;
    },
  };
}

const numbersAt = ({ settings }: RuleSpec, step: number): Record<string, number> =>
  Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, numberOf(setting, step)]));

/** The value of a variable, and those of its slots, before the first step. */
function startOf(
  executor: Executor<Array64>,
  spec: RuleSpec,
  variable: ProblemVariable,
  layout: Layout,
  hypers: Hypers,
): Record<string, Value<Array64>> {
  const { rule } = spec;
  const p = executor.load(variable);
  const values: Record<string, Value<Array64>> = {
    p,
    ...executor.run(initProgram(rule, hypers), { ...numbersAt(spec, 0), p, t: 0 }, layout),
  };
  for (const [name, { init }] of Object.entries(rule.state)) {
    if (typeof init !== "object") continue;
    const tensor = init.given[variable.name];
    if (!tensor) throw new Error(`${init.called}: there is no tensor for the variable "${variable.name}".`);
    values[name] = loadGiven(tensor);
  }
  return values;
}

/** What an operator remembers before the first step. */
function memoryOf(operator: Operator, variable: ProblemVariable): Readonly<Record<string, Array64>> {
  operator.accepts?.(variable);
  return Object.fromEntries(
    Object.entries(operator.memory?.(variable.shape) ?? {}).map(([name, tensor]) => {
      const array = loadGiven(tensor);
      tensor.dispose();
      return [name, array];
    }),
  );
}

/** The numbers of a value: one, or one for each that its grain has. */
export const numbersOf = (value: Value<Array64>): ArrayLike<number> =>
  typeof value === "number" ? [value] : value.values;

/** The numbers of a slot, one for each value of its grain. */
export function slotNumbers(rule: Rule, name: string, value: Value<Array64>, layout: Layout): ArrayLike<number> {
  const grain = name === "p" ? "element" : (rule.state[name]?.grain ?? "tensor");
  const size = sizeOf(shapeOf(layout, grain));
  const numbers = numbersOf(value);
  return numbers.length === size ? numbers : new Float64Array(size).fill(numbers[0] as number);
}
