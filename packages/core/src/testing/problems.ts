/**
 * Problems: variables, and gradients for as many steps as are asked for.
 *
 * The gradients need no model: a rule sees only numbers, and the numbers that break rules (zeros, repetitions, sizes whose squares hardly fit)
 * are rare in any one model's gradients.
 */
import fc from "fast-check";
import { sizeOf } from "../expression/layout.js";
import { labelled } from "./cases.js";
import { type Form, smallForm } from "./forms.js";
import { type GradientKind, gradientAt, gradientKinds } from "./gradients.js";
import { noise, random } from "./random.js";

/** A variable of a problem. */
export interface ProblemVariable extends Form {
  /** "a", "b", "c", … */
  readonly name: string;
  /** Its value at the start, in row-major order. */
  readonly values: Float32Array;
}

/** Variables, and gradients for as many steps as are asked for. */
export interface Problem {
  /** The variables, in the order in which they take their steps. */
  readonly variables: readonly ProblemVariable[];
  /** How many steps are taken. */
  readonly steps: number;
  /** How the gradients behave. */
  readonly kind: GradientKind;
  /** The channel axes by variable name, as `hyper` and `float64` take them. */
  readonly channelAxis: Readonly<Record<string, readonly number[]>>;
  /** The gradients of a step, 0 being the first, by variable name; new arrays at every call. */
  readonly gradients: (step: number) => Record<string, Float32Array | Float64Array>;
}

/** How problems are drawn. */
export interface ProblemOptions {
  /** Default: `smallForm`. */
  readonly forms?: fc.Arbitrary<Form>;
  /** At most 26; default 3. */
  readonly maxVariables?: number;
  /** Default 2. */
  readonly minSteps?: number;
  /** At least `minSteps`; default 5. */
  readonly maxSteps?: number;
  /** How the gradients may behave; default: in every way. */
  readonly kinds?: readonly GradientKind[];
}

/** Problems of one to three small variables, named a, b, c, and two to five steps; one variable in eight starts as zeros. */
export function problems({
  forms = smallForm,
  maxVariables = 3,
  minSteps = 2,
  maxSteps = Math.max(5, minSteps),
  kinds = gradientKinds,
}: ProblemOptions = {}): fc.Arbitrary<Problem> {
  return fc
    .record({
      forms: fc.array(forms, { minLength: 1, maxLength: maxVariables }),
      steps: fc.integer({ min: minSteps, max: maxSteps }),
      kind: fc.constantFrom(...kinds),
      seed: fc.nat(),
    })
    .map(problemOf);
}

/** What a problem is made of. */
interface Parts {
  readonly forms: readonly Form[];
  readonly steps: number;
  readonly kind: GradientKind;
  readonly seed: number;
}

function problemOf({ forms, steps, kind, seed }: Parts): Problem {
  const variables = forms.map((form, i) => {
    const values = noise(sizeOf(form.shape), random(seed, i));
    const zeros = random(seed, i, 11)() < 1 / 8;
    return variableOf(form, i, zeros ? values.fill(0) : values);
  });
  const problem = assembled(variables, steps, kind, (i, step) =>
    gradientAt(kind, sizeOf((forms[i] as Form).shape), [seed, i, 7], step),
  );
  // Everything follows from this.
  return labelled(problem, () => JSON.stringify({ forms, steps, kind, seed }));
}

/** The i-th variable of a problem. */
export const variableOf = (form: Form, i: number, values: Float32Array): ProblemVariable => ({
  ...form,
  name: String.fromCharCode(97 + i),
  values,
});

/** A problem of these variables, with gradients for the i-th of them in a step. */
export function assembled(
  variables: readonly ProblemVariable[],
  steps: number,
  kind: GradientKind,
  gradient: (i: number, step: number) => Float32Array,
): Problem {
  return {
    variables,
    steps,
    kind,
    channelAxis: Object.fromEntries(
      variables.flatMap(({ name, channelAxes }) => (channelAxes ? [[name, channelAxes]] : [])),
    ),
    gradients: (step) => Object.fromEntries(variables.map(({ name }, i) => [name, gradient(i, step)])),
  };
}

/** The order in which gradients behave in one way after the other: mistakes that people make show in the first few. */
const turns: readonly GradientKind[] = ["noise", "huge", "ties", "zero", "sparse", "tiny", "flips", "drift"];

/** Those that are of ordinary size. */
export const ordinaryKinds: readonly GradientKind[] = turns.filter((kind) => kind !== "huge" && kind !== "tiny");

/** True where all gradients are of ordinary size, so that a learner that follows hyper-gradients as they are goes not astray. */
export const areOrdinary = ({ kinds = gradientKinds }: ProblemOptions): boolean =>
  kinds.every((kind) => ordinaryKinds.includes(kind));

/** Options for the case of some number: the kinds of gradients take turns. */
export function inTurn<Options extends ProblemOptions>(turn: number, options: Options): Options {
  const { kinds = turns } = options;
  return { ...options, kinds: [kinds[turn % kinds.length] as GradientKind] };
}
