/**
 * Cases in round numbers: what a failing case is tried with in place of its own, so that a reader can follow the step by hand.
 */
import { sizeOf } from "../expression/layout.js";
import { labelled } from "./cases.js";
import type { Form } from "./forms.js";
import { type GradientKind, gradientAt } from "./gradients.js";
import { type DrawnSpec, respecified } from "./learning.js";
import { assembled, type Problem, type ProblemOptions, type ProblemVariable, variableOf } from "./problems.js";
import { type Draw, random } from "./random.js";
import type { Subject } from "./subject.js";

/** Exact in float32. 1 is not among them: it hides squares, roots and factors. */
const numbers: readonly number[] = [2, 0.5, 3, -2, -0.5, 1.5, 4, -3];

const roundNumbers: Draw = (size, next) =>
  Float32Array.from({ length: size }, () => numbers[Math.floor(next() * numbers.length)] as number);

/** The shortest decimal number that is this one in float32. */
const shortest = (x: number): number => {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(x.toPrecision(digits));
    if (Math.fround(rounded) === Math.fround(x)) return rounded;
  }
  return x;
};

const list = (values: ArrayLike<number>): number[] => Array.from(values, shortest);

/** A problem in round numbers, which are printed as they are. */
function roundProblem(forms: readonly Form[], steps: number, kind: GradientKind, zeros: boolean): Problem {
  const variables = forms.map((form, i) => {
    const size = sizeOf(form.shape);
    return variableOf(form, i, zeros ? new Float32Array(size) : roundNumbers(size, random(i)));
  });
  const gradient = (i: number, step: number): Float32Array =>
    gradientAt(kind, (variables[i] as ProblemVariable).values.length, [i, 7], step, roundNumbers);
  const shown = variables.map(({ name, shape, channelAxes, values }, i) => [
    name,
    {
      shape,
      ...(channelAxes && { channelAxes }),
      values: list(values),
      gradients: Array.from({ length: steps }, (_, step) => list(gradient(i, step))),
    },
  ]);
  return labelled(assembled(variables, steps, kind, gradient), () => JSON.stringify(Object.fromEntries(shown)));
}

/** What a mistake may need to be seen, from less to more: one number, two, two channels of two. */
const forms: readonly Form[] = [[], [2], [2, 2]].map((shape) => ({ shape, channelAxes: undefined }));

/** Simple problems with what a failing one has that may matter, the simplest first; of what the author of the rule asks for, where something is asked for. */
function* roundProblems({ accepts }: Subject, failing: Problem, asked: ProblemOptions): Iterable<Problem> {
  const zeros = failing.variables.every(({ values }) => values.every((x) => x === 0));
  const own = failing.variables.map(({ shape, channelAxes }) => ({ shape, channelAxes }));
  const simple = asked.forms ? own.slice(0, 1).map((form) => [form]) : forms.map((form) => [form]);
  // What is too large to be read is left to be shrunk.
  if (own.every(({ shape }) => sizeOf(shape) <= 24)) simple.push(own);
  const kinds: GradientKind[] = asked.kinds ? [failing.kind] : ["noise", failing.kind];
  const steps = [Math.min(asked.minSteps ?? 1, failing.steps), failing.steps];
  for (const kind of new Set(kinds)) {
    for (const some of simple.filter((all) => all.every(accepts))) {
      for (const many of new Set(steps)) yield roundProblem(some, many, kind, zeros);
    }
  }
}

/** x to so many digits; what is close to 1, by how far it is below. */
function rounded(x: number, digits = 1): number {
  const to = (y: number): number => Number(y.toPrecision(digits));
  return Math.abs(x) > 0.9 && Math.abs(x) < 1
    ? Number((Math.sign(x) * (1 - to(1 - Math.abs(x)))).toPrecision(12))
    : to(x);
}

type Numbers = Readonly<Record<string, number>>;

/** Round values for hyperparameters: two sets in which effects are seen, and the failing ones rounded where any value will do. */
function roundValues({ plainest, given }: Subject, failing: Numbers): Numbers[] {
  const each = (value: (x: number, name: string, i: number) => number): Numbers =>
    Object.fromEntries(Object.entries(failing).map(([name, x], i) => [name, value(x, name, i)]));
  const plain = (shift: number): Numbers =>
    each((_, name, i) => {
      const among = plainest[name] as readonly number[];
      return among[(i + shift) % among.length] as number;
    });
  return [plain(0), plain(1), each((x, name) => (given.has(name) ? x : rounded(x)))];
}

/**
 * Problems and values in round numbers that a failing case gives way to, the simplest first.
 *
 * @param asked How problems are drawn.
 */
export function* roundCases(
  subject: Subject,
  failing: { readonly problem: Problem; readonly values: Numbers },
  asked: ProblemOptions = {},
): Iterable<{ readonly problem: Problem; readonly values: Numbers }> {
  const values = roundValues(subject, failing.values);
  for (const problem of roundProblems(subject, failing.problem, asked)) {
    for (const some of values) yield { problem, values: some };
  }
}

/** The same with specs in place of values. */
export function* roundSpecs(
  subject: Subject,
  failing: { readonly problem: Problem; readonly with: DrawnSpec },
  asked: ProblemOptions = {},
): Iterable<{ readonly problem: Problem; readonly with: DrawnSpec }> {
  const { problem, with: drawn } = failing;
  // Each costs a run at every place: one set of values is enough.
  const [values] = roundValues(subject, drawn.values) as [Numbers];
  for (const simple of roundProblems(subject, problem, asked)) {
    for (const spec of respecified(subject, drawn, values)) yield { problem: simple, with: spec };
  }
}
