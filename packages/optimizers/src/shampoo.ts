/**
 * Shampoo: a preconditioner for each axis of a tensor.
 */
import {
  belowOne,
  nonNegative,
  positive,
  type RuleFactory,
  type Setting,
  type Spec,
  tensorRule,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";

const hyperparameters = {
  lr: nonNegative(0.1),
  momentum: belowOne(0),
  eps: positive(1e-4),
  weightDecay: nonNegative(0),
};

/** Newton iterations for the root: enough for float32 at the condition numbers that ε leaves. */
const ITERATIONS = 40;

/** The tensor as a matrix with a row for every index of an axis. */
function unfolded(x: tf.Tensor, axis: number): tf.Tensor2D {
  const others = x.shape.map((_, i) => i).filter((i) => i !== axis);
  return tf.reshape(tf.transpose(x, [axis, ...others]), [x.shape[axis] as number, -1]);
}

/** The matrix times the tensor along an axis. */
function along(matrix: tf.Tensor2D, x: tf.Tensor, axis: number): tf.Tensor {
  const others = x.shape.map((_, i) => i).filter((i) => i !== axis);
  const order = [axis, ...others];
  const product = tf.reshape(
    tf.matMul(matrix, unfolded(x, axis)),
    order.map((i) => x.shape[i] as number),
  );
  return tf.transpose(
    product,
    order.map((_, i) => order.indexOf(i)),
  );
}

function matrixPower(x: tf.Tensor2D, power: number): tf.Tensor2D {
  if (power === 1) return x;
  const half = matrixPower(x, Math.floor(power / 2));
  const square = tf.matMul(half, half) as tf.Tensor2D;
  return power % 2 === 0 ? square : (tf.matMul(square, x) as tf.Tensor2D);
}

/**
 * A^(−1/p) of a symmetric, positive definite matrix, by the coupled Newton iteration: M ← ((1 + 1/p)I − M/p)ᵖM → I.
 *
 * Iannazzo, "On the Newton method for the matrix pth root", SIAM Journal on Matrix Analysis and Applications 28(2), 2006.
 */
function inverseRoot(matrix: tf.Tensor2D, p: number): tf.Tensor2D {
  const identity = tf.eye(matrix.shape[0]);
  // With a norm ≥ the largest eigenvalue, all eigenvalues of M lie where the iteration converges.
  const scale = tf.div((1 + p) / 2, tf.sqrt(tf.sum(tf.square(matrix))));
  let m = tf.mul(matrix, scale) as tf.Tensor2D;
  let root = tf.mul(identity, tf.pow(scale, 1 / p)) as tf.Tensor2D;
  for (let i = 0; i < ITERATIONS; i++) {
    const factor = tf.sub(tf.mul(identity, 1 + 1 / p), tf.div(m, p)) as tf.Tensor2D;
    m = tf.matMul(matrixPower(factor, p), m) as tf.Tensor2D;
    root = tf.matMul(root, factor) as tf.Tensor2D;
  }
  return root;
}

function shampooRule(maxSize: number): RuleFactory<keyof typeof hyperparameters> {
  const preconditioned = (shape: readonly number[]): number[] =>
    shape.flatMap((size, axis) => (size > 1 && size <= maxSize ? [axis] : []));
  return tensorRule({
    name: `shampoo (${maxSize})`,
    hyperparameters,
    state: { velocity: 0 },
    inputs: ({ g, eps }) => ({ g, eps }),
    memory: (shape) =>
      Object.fromEntries(
        preconditioned(shape).map((axis) => [`h${axis}`, tf.zeros([shape[axis] as number, shape[axis] as number])]),
      ),
    direction({ g, eps }, memory) {
      const axes = preconditioned(g.shape);
      const next: Record<string, tf.Tensor> = {};
      let value = g;
      for (const axis of axes) {
        const matrix = unfolded(g, axis);
        const h = tf.add(memory[`h${axis}`] as tf.Tensor2D, tf.matMul(matrix, matrix, false, true)) as tf.Tensor2D;
        const damped = tf.add(h, tf.mul(tf.eye(h.shape[0]), eps)) as tf.Tensor2D;
        value = along(inverseRoot(damped, 2 * axes.length), value, axis);
        next[`h${axis}`] = h;
      }
      return { value, memory: next };
    },
    update({ p, velocity, direction, lr, momentum, weightDecay }) {
      const b = velocity.mul(momentum).add(direction);
      return { p: p.sub(b.add(p.mul(weightDecay)).mul(lr)), velocity: b };
    },
  });
}

/** Hyperparameters of `shampoo`; each of the settings is a number, a schedule or learned. */
export interface ShampooOptions {
  /** Learning rate α ≥ 0; default 0.1. */
  readonly lr?: Setting;
  /** Momentum μ in [0, 1) of the preconditioned gradient; default 0. */
  readonly momentum?: Setting;
  /** ε > 0, added to every preconditioner's diagonal; default 1e-4. Learned per tensor or per model. */
  readonly eps?: Setting;
  /** Decoupled weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** Axes longer than this have no preconditioner, which would be a matrix of that size; a whole number ≥ 1, default 1024. */
  readonly maxSize?: number;
}

/**
 * Shampoo, for a tensor with k preconditioned axes, and G₍ᵢ₎ the gradient as a matrix with a row for every index of axis i:
 *
 *     H_i ← H_i + G₍ᵢ₎G₍ᵢ₎ᵀ;   G̃ = G ×₁ (H₁ + εI)^(−1/2k) … ×_k (H_k + εI)^(−1/2k);   b ← μb + G̃;   θ ← θ − α(b + λθ)
 *
 * Gupta, Koren & Singer, "Shampoo: Preconditioned Stochastic Tensor Optimization", ICML 2018, arXiv 1802.09568, Algorithms 1 and 2. A tensor rule; the roots are taken in every step, by
 * Newton iterations of matrix products.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function shampoo({ maxSize = 1024, ...settings }: ShampooOptions = {}): Spec {
  if (!Number.isInteger(maxSize) || maxSize < 1) {
    throw new Error(`shampoo: maxSize is ${maxSize}; expected a whole number ≥ 1.`);
  }
  return shampooRule(maxSize)(settings);
}
