/**
 * A small convolutional network: four convolutions of 3 × 3 with rectifiers, the picture halved after each of the first three, the mean over what is left of it, and a
 * layer norm.
 */
import * as tf from "@tensorflow/tfjs";
import { layerNorm } from "../layer-norm.js";
import { type Architecture, WIDTH } from "./architecture.js";

/** Channels of the picture and after every convolution. */
const CHANNELS = [3, 16, 32, 64, WIDTH] as const;
/** Convolutions after which the picture is halved. */
const HALVED = 3;

function shapes(): Record<string, number[]> {
  const all: Record<string, number[]> = {};
  CHANNELS.slice(1).forEach((channels, i) => {
    all[`conv/${i}/kernel`] = [3, 3, CHANNELS[i] as number, channels];
    all[`conv/${i}/bias`] = [channels];
  });
  return { ...all, "norm/scale": [WIDTH], "norm/offset": [WIDTH] };
}

/** The convolutional network. */
export const conv: Architecture = {
  description: "convolutional network, four layers of 3 × 3 on 32 × 32 pictures",
  shapes: shapes(),
  gain: () => Math.SQRT2,
  features(variable, images) {
    let x = images;
    for (let i = 0; i < CHANNELS.length - 1; i++) {
      x = tf.fused.conv2d({
        x,
        filter: variable(`conv/${i}/kernel`) as tf.Tensor4D,
        bias: variable(`conv/${i}/bias`) as tf.Tensor1D,
        strides: 1,
        pad: "same",
        activation: "relu",
      });
      if (i < HALVED) x = tf.maxPool(x, 2, 2, "valid");
    }
    const features = tf.mean(x, [1, 2]) as tf.Tensor2D;
    return layerNorm(features, variable("norm/scale") as tf.Tensor1D, variable("norm/offset") as tf.Tensor1D);
  },
};
