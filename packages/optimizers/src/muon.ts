/**
 * Muon: momentum, made orthogonal.
 */
import {
  belowOne,
  movingAverage,
  nonNegative,
  type RuleFactory,
  real,
  type Setting,
  type Spec,
  sub,
  tensorRule,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";

const hyperparameters = {
  lr: nonNegative(2e-2),
  momentum: belowOne(0.95),
  weightDecay: nonNegative(0),
  // The quintic's coefficients, chosen for a steep slope at 0: singular values come out between 0.7 and 1.2, not 1.
  a: real(3.4445),
  b: real(-4.775),
  c: real(2.0315),
};

/** A tensor as a matrix: output channels are columns. */
const asMatrix = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, x.shape.at(-1) as number]);

/** X ← aX + (bA + cA²)X with A = XXᵀ, from a matrix of norm 1, so that all singular values approach 1. */
function orthogonalised(u: tf.Tensor, steps: number, a: tf.Tensor, b: tf.Tensor, c: tf.Tensor): tf.Tensor {
  const matrix = asMatrix(u);
  const [rows, columns] = matrix.shape;
  // The smaller product: A has the size of the shorter side.
  let x = rows > columns ? tf.transpose(matrix) : matrix;
  // Above 0 under the root, so that a gradient of 0 has a derivative.
  x = tf.div(x, tf.add(tf.sqrt(tf.add(tf.sum(tf.square(x)), 1e-30)), 1e-7));
  for (let i = 0; i < steps; i++) {
    const square = tf.matMul(x, x, false, true);
    const polynomial = tf.add(tf.mul(b, square), tf.mul(c, tf.matMul(square, square)));
    x = tf.add(tf.mul(a, x), tf.matMul(polynomial as tf.Tensor2D, x));
  }
  if (rows > columns) x = tf.transpose(x);
  // Steps of the same size per entry whatever the shape is.
  return tf.reshape(tf.mul(x, Math.sqrt(Math.max(1, columns / rows))), u.shape);
}

function muonRule(nesterov: boolean, steps: number): RuleFactory<keyof typeof hyperparameters> {
  return tensorRule({
    name: `muon (${nesterov ? "nesterov, " : ""}${steps} iterations)`,
    hyperparameters,
    state: { velocity: 0 },
    accepts({ name, shape }) {
      if (shape.length >= 2) return;
      throw new Error(
        `muon: "${name}" has shape [${shape}]; expected a matrix or a convolution's kernel. Give the others another optimizer: groups([[({ shape }) => shape.length < 2, adamw()]], muon()).`,
      );
    },
    inputs({ g, velocity, momentum, a, b, c }) {
      const buffer = movingAverage(velocity, g, momentum);
      return { u: nesterov ? movingAverage(buffer, g, momentum) : buffer, a, b, c };
    },
    direction: ({ u, a, b, c }) => ({ value: orthogonalised(u, steps, a, b, c) }),
    update({ p, g, velocity, momentum, direction, lr, weightDecay }) {
      const decayed = p.mul(sub(1, lr.mul(weightDecay)));
      return { p: decayed.sub(direction.mul(lr)), velocity: movingAverage(velocity, g, momentum) };
    },
  });
}

/** Hyperparameters of `muon`; each of the settings is a number, a schedule or learned. */
export interface MuonOptions {
  /** Learning rate α ≥ 0: the spectral norm of a step, about; default 0.02. */
  readonly lr?: Setting;
  /** Momentum μ in [0, 1); default 0.95. Learned per tensor or per model. */
  readonly momentum?: Setting;
  /** Decoupled weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** First coefficient of the iteration's polynomial, any number; default 3.4445. Learned per tensor or per model. */
  readonly a?: Setting;
  /** Second coefficient; default −4.775. */
  readonly b?: Setting;
  /** Third coefficient; default 2.0315. */
  readonly c?: Setting;
  /** Look ahead along the velocity. Default true. */
  readonly nesterov?: boolean;
  /** Newton-Schulz iterations, a whole number ≥ 1; default 5. */
  readonly iterations?: number;
}

/**
 * Muon, for matrices (a kernel [..., in, out] counts as one with a column per output channel); give vectors another rule, with `groups`:
 *
 *     B ← μB + (1 − μ)G;   O = orthogonalised(μB + (1 − μ)G)   (without Nesterov: of B);   θ ← (1 − αλ)θ − α·√max(1, out/in)·O
 *
 * Jordan, Jin, Boza, You, Cesista, Newhouse & Bernstein, "Muon: An optimizer for hidden layers in neural networks", 2024 (kellerjordan.github.io/posts/muon), as in its code
 * (KellerJordan/Muon), by Newton-Schulz iterations. A tensor rule: hyperparameters that act before the iterations are learned through them, with tf.grads.
 *
 * @throws Error for an unknown name or a number outside its domain; when the first step is taken: for a variable with fewer than two axes.
 */
export function muon({ nesterov = true, iterations = 5, ...settings }: MuonOptions = {}): Spec {
  if (!Number.isInteger(iterations) || iterations < 1) {
    throw new Error(`muon: iterations is ${iterations}; expected a whole number ≥ 1.`);
  }
  return muonRule(nesterov, iterations)(settings);
}
