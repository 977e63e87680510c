/**
 * A model: the variables of a backbone and of a head, one dense layer on its features.
 */

import { randomStream } from "@hypergrad/example-kit";
import * as tf from "@tensorflow/tfjs";
import { type Architecture, WIDTH } from "./models/architecture.js";
import type { Weight, Weights } from "./weights.js";

/** The variables of the head: new for a new task, so never projected. */
export const HEAD = { kernel: "head/kernel", bias: "head/bias" } as const;

/** A model with variables of its own. */
export interface Model {
  /** Every variable by its name, backbone first, the head's last. */
  readonly variables: Readonly<Record<string, tf.Variable>>;
  /**
   * The features before the head.
   * @param images [pictures, 32, 32, 3], in [-1, 1]
   * @returns [pictures, 64]
   */
  features(images: tf.Tensor4D): tf.Tensor2D;
  /**
   * The logits.
   * @param images [pictures, 32, 32, 3], in [-1, 1]
   * @returns [pictures, classes]
   */
  forward(images: tf.Tensor4D): tf.Tensor2D;
  /** Copies of the variables' values. */
  weights(): Weights;
  /** Frees the variables. */
  dispose(): void;
}

/**
 * The models that are in use, by number: tfjs wants the names of living variables to be unique. The first model's variables bear their plain
 * names, those of a second one alongside it end in "#1".
 */
const inUse = new Set<number>();

/** Throws for weights that do not fit the model. */
function checkWeights(all: Weights, shapes: Architecture["shapes"], classes: number): void {
  const head = all[HEAD.kernel]!.shape;
  if (head[0] !== WIDTH || head[1] !== classes) {
    throw new Error(
      `The weights' "${HEAD.kernel}" has shape [${head.join(", ")}]; ${classes} classes need [${WIDTH}, ${classes}]. Leave the head out to start a new one.`,
    );
  }
  for (const [name, shape] of Object.entries(shapes)) {
    const given = all[name]?.shape;
    if (given?.join() !== shape.join()) {
      throw new Error(
        `The weights' "${name}" ${given ? `has shape [${given.join(", ")}]` : "is missing"}; the model needs [${shape.join(", ")}].`,
      );
    }
  }
}

/**
 * Builds a model.
 *
 * @param weights the values of every variable; without a head among them, the head starts at zero
 * @param options.architecture the backbone
 * @param options.classes how many logits
 */
export function createModel(
  weights: Weights,
  { architecture, classes }: { architecture: Architecture; classes: number },
): Model {
  const { shapes } = architecture;
  const all: Record<string, Weight> = { ...zeroHead(classes), ...weights };
  checkWeights(all, shapes, classes);
  let number = 0;
  while (inUse.has(number)) number++;
  inUse.add(number);
  const variables: Record<string, tf.Variable> = {};
  for (const name of [...Object.keys(shapes), HEAD.kernel, HEAD.bias]) {
    const { shape, values } = all[name]!;
    variables[name] = tf.tidy(() =>
      tf.variable(tf.tensor(values, [...shape]), true, number === 0 ? name : `${name}#${number}`),
    );
  }

  const variable = (name: string): tf.Tensor => variables[name] as tf.Variable;
  const features = (images: tf.Tensor4D): tf.Tensor2D => tf.tidy(() => architecture.features(variable, images));

  return {
    variables,
    features,
    forward: (images) =>
      tf.tidy(() => {
        const [kernel, bias] = [variable(HEAD.kernel) as tf.Tensor2D, variable(HEAD.bias)];
        return tf.fused.matMul({ a: features(images), b: kernel, bias }) as tf.Tensor2D;
      }),
    weights: () =>
      Object.fromEntries(
        Object.entries(variables).map(([name, v]) => [
          name,
          { shape: v.shape, values: Float32Array.from(v.dataSync()) },
        ]),
      ),
    dispose: () => {
      for (const variable of Object.values(variables)) variable.dispose();
      inUse.delete(number);
    },
  };
}

/** Random weights of a backbone to begin pre-training with: kernels normal, biases and offsets 0, scales 1. */
export function randomBackbone({ shapes, gain }: Architecture, seed: number): Weights {
  const weights: Record<string, Weight> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const random = randomStream(seed, "weights", name);
    const size = shape.reduce((product, side) => product * side, 1);
    const fanIn = shape.slice(0, -1).reduce((product, side) => product * side, 1);
    const values = new Float32Array(size).fill(name.endsWith("/scale") ? 1 : 0);
    if (name.endsWith("/kernel")) {
      for (let i = 0; i < size; i++) values[i] = random.normal(0, gain(name) / Math.sqrt(fanIn));
    }
    weights[name] = { shape: [...shape], values };
  }
  return weights;
}

/** A head that gives every class the same logit. */
export function zeroHead(classes: number): Weights {
  return {
    [HEAD.kernel]: { shape: [WIDTH, classes], values: new Float32Array(WIDTH * classes) },
    [HEAD.bias]: { shape: [classes], values: new Float32Array(classes) },
  };
}

/** Weights without their head. */
export function withoutHead(weights: Weights): Weights {
  return Object.fromEntries(Object.entries(weights).filter(([name]) => !name.startsWith("head/")));
}
