/**
 * An MLP-mixer (Tolstikhin et al., "MLP-Mixer: An all-MLP Architecture for Vision", 2021, arXiv 2105.01601). A picture becomes 64 tokens, one for each
 * 4 × 4 cell; a token begins as the 8 × 8 pixels around its cell, so that neighbours overlap. The features are the mean over the tokens of the last layer norm.
 */
import * as tf from "@tensorflow/tfjs";
import { PICTURE_SIZE } from "../data.js";
import { layerNorm } from "../layer-norm.js";
import { type Architecture, WIDTH } from "./architecture.js";

/** Side of a cell, in pixels. */
const CELL = 4;
/** Cells along each axis. */
const GRID = PICTURE_SIZE / CELL;
/** Tokens in a picture. */
const TOKENS = GRID * GRID;
/** Numbers in the window of a token: 2 × 2 cells of three channels. */
const WINDOW = 4 * CELL * CELL * 3;
/** Hidden units of the dense layers that mix tokens. */
const TOKEN_HIDDEN = 64;
/** Hidden units of the dense layers that mix channels. */
const CHANNEL_HIDDEN = 128;
/** Mixer blocks. */
const BLOCKS = 3;

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

/** The mixer. */
export const mixer: Architecture = {
  description: "MLP-mixer on overlapping 8 × 8 windows of 32 × 32 pictures",
  shapes: backboneShapes(),
  // The outputs of the residual branches are smaller, so that a deep stack begins near the identity.
  gain: (kernel) => (kernel.endsWith("/in/kernel") ? Math.SQRT2 : kernel.endsWith("/out/kernel") ? 0.5 : 1),
  features(variable, images) {
    const layer = (x: tf.Tensor2D, name: string, activation?: "relu"): tf.Tensor2D =>
      tf.fused.matMul({
        a: x,
        b: variable(`${name}/kernel`) as tf.Tensor2D,
        bias: variable(`${name}/bias`),
        activation: activation ?? "linear",
      }) as tf.Tensor2D;
    const norm = (x: tf.Tensor2D, name: string): tf.Tensor2D =>
      layerNorm(x, variable(`${name}/scale`) as tf.Tensor1D, variable(`${name}/offset`) as tf.Tensor1D);
    const count = images.shape[0];
    let x = layer(windows(images), "stem");
    for (let block = 0; block < BLOCKS; block++) {
      const name = `mixer/${block}`;
      const byChannel = exchange(norm(x, `${name}/token/norm`), count, TOKENS, WIDTH);
      const mixed = layer(layer(byChannel, `${name}/token/in`, "relu"), `${name}/token/out`);
      x = tf.add(x, exchange(mixed, count, WIDTH, TOKENS));
      x = tf.add(x, layer(layer(norm(x, `${name}/channel/norm`), `${name}/channel/in`, "relu"), `${name}/channel/out`));
    }
    return tf.mean(tf.reshape(norm(x, "norm"), [count, TOKENS, WIDTH]), 1) as tf.Tensor2D;
  },
};
