/**
 * The model of the study, an MLP-mixer (Tolstikhin et al., "MLP-Mixer: An all-MLP Architecture for Vision", 2021, arXiv 2105.01601): dense
 * layers only, which is what tfjs's WASM backend trains well. A picture becomes 64 tokens, one for each 4 × 4 cell; a token begins as the
 * 8 × 8 pixels around its cell, so that neighbours overlap. The features are the mean over the tokens of the last layer norm, and the head is
 * one dense layer on them.
 */

import * as tf from "@tensorflow/tfjs";
import { PICTURE_SIZE } from "./data.js";
import { dense, layerNorm } from "./layers.js";
import { randomStream } from "./random.js";
import type { Weight, Weights } from "./weights.js";

/** Side of a cell, in pixels. */
const CELL = 4;
/** Cells along each axis. */
const GRID = PICTURE_SIZE / CELL;
/** Tokens in a picture. */
const TOKENS = GRID * GRID;
/** Numbers in the window of a token: 2 × 2 cells of three channels. */
const WINDOW = 4 * CELL * CELL * 3;
/** Width of a token, and so the length of the feature vector. */
const WIDTH = 64;
/** Hidden units of the dense layers that mix tokens. */
const TOKEN_HIDDEN = 64;
/** Hidden units of the dense layers that mix channels. */
const CHANNEL_HIDDEN = 128;
/** Mixer blocks. */
const BLOCKS = 3;

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

/**
 * Builds a model.
 *
 * @param weights the values of every variable; without a head among them, the head starts at zero
 * @param options.classes how many logits
 */
export function createModel(weights: Weights, { classes }: { classes: number }): Model {
  const all: Record<string, Weight> = { ...zeroHead(classes), ...weights };
  const head = all[HEAD.kernel]!.shape;
  if (head[0] !== WIDTH || head[1] !== classes) {
    throw new Error(
      `The weights' "${HEAD.kernel}" has shape [${head.join(", ")}]; ${classes} classes need [${WIDTH}, ${classes}]. Leave the head out to start a new one.`,
    );
  }
  const shapes = backboneShapes();
  for (const [name, shape] of Object.entries(shapes)) {
    const given = all[name]?.shape;
    if (given?.join() !== shape.join()) {
      throw new Error(
        `The weights' "${name}" ${given ? `has shape [${given.join(", ")}]` : "is missing"}; the model needs [${shape.join(", ")}].`,
      );
    }
  }

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

  const layer = (x: tf.Tensor2D, name: string, activation?: "relu"): tf.Tensor2D =>
    dense(
      x,
      variables[`${name}/kernel`] as unknown as tf.Tensor2D,
      variables[`${name}/bias`] as unknown as tf.Tensor1D,
      activation,
    );
  const norm = (x: tf.Tensor2D, name: string): tf.Tensor2D =>
    layerNorm(
      x,
      variables[`${name}/scale`] as unknown as tf.Tensor1D,
      variables[`${name}/offset`] as unknown as tf.Tensor1D,
    );

  const features = (images: tf.Tensor4D): tf.Tensor2D =>
    tf.tidy(() => {
      const count = images.shape[0];
      let x = layer(windows(images), "stem");
      for (let block = 0; block < BLOCKS; block++) {
        const name = `mixer/${block}`;
        const byChannel = exchange(norm(x, `${name}/token/norm`), count, TOKENS, WIDTH);
        const mixed = layer(layer(byChannel, `${name}/token/in`, "relu"), `${name}/token/out`);
        x = tf.add(x, exchange(mixed, count, WIDTH, TOKENS));
        x = tf.add(
          x,
          layer(layer(norm(x, `${name}/channel/norm`), `${name}/channel/in`, "relu"), `${name}/channel/out`),
        );
      }
      return tf.mean(tf.reshape(norm(x, "norm"), [count, TOKENS, WIDTH]), 1) as tf.Tensor2D;
    });

  return {
    variables,
    features,
    forward: (images) => tf.tidy(() => layer(features(images), "head")),
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

/**
 * Random weights of a backbone to begin pre-training with: kernels normal with variance 2/in before a rectifier and 1/in elsewhere,
 * the outputs of the residual branches smaller, so that a deep stack begins near the identity.
 */
export function randomBackbone(seed: number): Weights {
  const weights: Record<string, Weight> = {};
  for (const [name, shape] of Object.entries(backboneShapes())) {
    const random = randomStream(seed, "weights", name);
    const size = shape.reduce((product, side) => product * side, 1);
    const gain = name.endsWith("/in/kernel") ? Math.SQRT2 : name.endsWith("/out/kernel") ? 0.5 : 1;
    const deviation = gain / Math.sqrt(shape[0]!);
    const values = new Float32Array(size).fill(name.endsWith("/scale") ? 1 : 0);
    if (name.endsWith("/kernel")) for (let i = 0; i < size; i++) values[i] = random.normal(0, deviation);
    weights[name] = { shape, values };
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

/** Names and shapes of everything before the head. */
function backboneShapes(): Record<string, number[]> {
  const shapes: Record<string, number[]> = {};
  const addDense = (name: string, from: number, to: number): void => {
    shapes[`${name}/kernel`] = [from, to];
    shapes[`${name}/bias`] = [to];
  };
  const addNorm = (name: string): void => {
    shapes[`${name}/scale`] = [WIDTH];
    shapes[`${name}/offset`] = [WIDTH];
  };
  addDense("stem", WINDOW, WIDTH);
  for (let block = 0; block < BLOCKS; block++) {
    addNorm(`mixer/${block}/token/norm`);
    addDense(`mixer/${block}/token/in`, TOKENS, TOKEN_HIDDEN);
    addDense(`mixer/${block}/token/out`, TOKEN_HIDDEN, TOKENS);
    addNorm(`mixer/${block}/channel/norm`);
    addDense(`mixer/${block}/channel/in`, WIDTH, CHANNEL_HIDDEN);
    addDense(`mixer/${block}/channel/out`, CHANNEL_HIDDEN, WIDTH);
  }
  addNorm("norm");
  return shapes;
}

/** The windows of every token: [pictures · TOKENS, WINDOW]. A window is 2 × 2 cells of a grid that is moved by half a cell. */
function windows(images: tf.Tensor4D): tf.Tensor2D {
  const count = images.shape[0];
  const half = CELL / 2;
  const padded = tf.pad(images, [
    [0, 0],
    [half, half],
    [half, half],
    [0, 0],
  ]);
  const cells = tf.reshape(
    tf.transpose(tf.reshape(padded, [count * (GRID + 1), CELL, GRID + 1, CELL * 3]), [0, 2, 1, 3]),
    [count, GRID + 1, GRID + 1, CELL * CELL * 3],
  );
  const corner = (y: number, x: number): tf.Tensor =>
    tf.slice(cells, [0, y, x, 0], [count, GRID, GRID, CELL * CELL * 3]);
  return tf.reshape(tf.concat([corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1)], 3), [count * TOKENS, WINDOW]);
}

/** From [pictures · rows, columns] to [pictures · columns, rows]. */
function exchange(x: tf.Tensor2D, count: number, rows: number, columns: number): tf.Tensor2D {
  return tf.reshape(tf.transpose(tf.reshape(x, [count, rows, columns]), [0, 2, 1]), [count * columns, rows]);
}
