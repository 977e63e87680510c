/**
 * Problems: variables, and gradients for as many steps as are asked for.
 *
 * The gradients need no model: a rule sees only numbers, and the numbers that break rules (zeros, repetitions, sizes whose squares hardly fit)
 * are rare in any one model's gradients.
 */
import fc from "fast-check";
import { sizeOf } from "../expression/layout.js";
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
    .map(({ forms, steps, kind, seed }) => {
      const variables = forms.map((form, i): ProblemVariable => {
        const values = noise(sizeOf(form.shape), random(seed, i));
        const zeros = random(seed, i, 11)() < 1 / 8;
        return { ...form, name: String.fromCharCode(97 + i), values: zeros ? values.fill(0) : values };
      });
      return {
        variables,
        steps,
        kind,
        channelAxis: Object.fromEntries(
          variables.flatMap(({ name, channelAxes }) => (channelAxes ? [[name, channelAxes]] : [])),
        ),
        gradients: (step) =>
          Object.fromEntries(
            variables.map(({ name, shape }, i) => [name, gradientAt(kind, sizeOf(shape), [seed, i, 7], step)]),
          ),
        // What is printed of the case: everything follows from this.
        toString: () => JSON.stringify({ forms, steps, kind, seed }),
      };
    });
}
