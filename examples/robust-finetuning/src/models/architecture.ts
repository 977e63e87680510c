/**
 * What a model of the study consists of: a backbone that turns pictures into 64 features. The head, one dense layer on them, is the same for all.
 */
import type * as tf from "@tensorflow/tfjs";

/** Length of the feature vector. */
export const WIDTH = 64;

/** A backbone. */
export interface Architecture {
  /** For people: what it is, in a few words. */
  readonly description: string;
  /** Names and shapes of its variables: kernels end in "/kernel", with the output channels last; biases in "/bias"; layer norms in "/scale" and "/offset". */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** The deviation of a kernel's initial values, times the root of its fan-in. */
  gain(kernel: string): number;
  /**
   * The features.
   *
   * @param variable The variable of a name.
   * @param images [pictures, 32, 32, 3], in [-1, 1]
   * @returns [pictures, 64]
   */
  features(variable: (name: string) => tf.Tensor, images: tf.Tensor4D): tf.Tensor2D;
}
