/** How far the gradients of a whole MobileNet, batch norm in training, are from those in float64. */
import * as tf from "@tensorflow/tfjs";
import { float64, Value } from "./float64.js";
import { mobilenet, type Variable } from "./mobilenet.js";
import { tensors } from "./tensors.js";

/** One variable: the largest error of its gradient, the gradient's largest element, and the largest sum of magnitudes of an element's terms. */
export interface Judged extends Variable {
  readonly error: number;
  readonly gradient: number;
  readonly terms: number;
}

/** The same numbers in every run, about normally distributed. */
function noise(size: number, seed: number, deviation = 1, mean = 0): Float32Array {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float32Array.from({ length: size }, () => mean + 2 * deviation * (uniform() + uniform() + uniform()));
}

const largest = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** A batch of images of some size with their labels, and what the network's variables begin with. */
function problem(size: number, batch: number, classes: number) {
  const images = { shape: [batch, size, size, 3], values: noise(batch * size * size * 3, 1) };
  const labels = { shape: [batch, classes], values: new Float32Array(batch * classes) };
  for (let n = 0; n < batch; n++) labels.values[n * classes + (n % classes)] = 1;
  const variables = new Map<string, Variable & { values: Float32Array }>();
  const valuesOf = (variable: Variable): Float32Array => {
    const { name, shape, deviation, mean } = variable;
    const known = variables.get(name);
    if (known) return known.values;
    const values = noise(tf.util.sizeFromShape([...shape]), variables.size + 2, deviation, mean);
    variables.set(name, { ...variable, values });
    return values;
  };
  return { images, labels, variables, valuesOf };
}

/** The gradients by name on the active backend, and the inputs of every relu6. */
function gradientsOn({ images, labels, valuesOf }: ReturnType<typeof problem>) {
  const gradients = new Map<string, Float32Array>();
  const inputs: Float32Array[] = [];
  tf.tidy(() => {
    const x = tf.tensor(images.values, images.shape);
    const y = tf.tensor(labels.values, labels.shape);
    const made = new Map<string, tf.Variable>();
    const make = (variable: Variable) => {
      const { name, shape } = variable;
      if (!made.has(name)) made.set(name, tf.variable(tf.tensor(valuesOf(variable), [...shape])));
      return made.get(name)!;
    };
    const relu6 = (x: tf.Tensor) => {
      inputs.push(x.dataSync() as Float32Array);
      return tf.relu6(x);
    };
    mobilenet({ ...tensors, relu6 }, make, x, y);
    const { grads } = tf.variableGrads(() => mobilenet(tensors, make, x, y) as tf.Scalar, [...made.values()]);
    for (const [name, { name: key }] of made) gradients.set(name, grads[key]!.dataSync() as Float32Array);
    tf.dispose([...made.values()]);
  });
  return { gradients, inputs };
}

/** Judges every variable's gradient on the active backend, for so many images of a size; and how far from a bend of relu6 a value is of which the two think otherwise. */
export function judge(size: number, batch: number): { judged: Judged[]; farthest: number } {
  const given = problem(size, batch, 10);
  const { gradients, inputs } = gradientsOn(given);
  const { ops, backward, farthest } = float64(inputs);
  const made = new Map<string, Value>();
  const make = (variable: Variable) => {
    const value = new Value(variable.shape, given.valuesOf(variable));
    made.set(variable.name, value);
    return value;
  };
  const [x, y] = [given.images, given.labels].map(({ shape, values }) => new Value(shape, values)) as [Value, Value];
  mobilenet(ops, make, x, y);
  backward();
  const judged = [...given.variables.values()].map((variable) => {
    const { gradient, terms } = made.get(variable.name)!;
    const found = gradients.get(variable.name)!;
    const error = largest(gradient.map((value, i) => value - found[i]!));
    return { ...variable, error, gradient: largest(gradient), terms: largest(terms) };
  });
  return { judged, farthest: farthest() };
}

/** One backward pass on the active backend. */
export const gradients = (size: number, batch: number): unknown => gradientsOn(problem(size, batch, 10));
