/** What the backward pass holds, and what it must leave alone. */
import "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { asStock, heapPeak } from "./heap-peak.js";

let tensors = 0;
const owned: tf.Tensor[] = [];

/** A tensor that the test frees in the end. */
const given = (values: number[], shape = [values.length]): tf.Tensor => {
  const tensor = tf.tensor(values, shape);
  owned.push(tensor);
  return tensor;
};

beforeEach(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
  tensors = tf.memory().numTensors;
});

afterEach(() => {
  tf.dispose(owned.splice(0));
  expect(tf.memory().numTensors).toBe(tensors);
});

/** What f's tensors are, which are freed. */
const numbers = (f: () => tf.Tensor | tf.Tensor[]): number[][] => {
  const results = [f()].flat();
  const values = results.map((tensor) => [...tensor.dataSync()]);
  tf.dispose(results);
  return values;
};

const same = (f: () => tf.Tensor | tf.Tensor[]): void => {
  expect(numbers(f)).toEqual(asStock(() => numbers(f)));
};

describe("of a deep chain, the backward pass holds", () => {
  const size = 1000;
  const depth = 40;
  const peak = (link: (x: tf.Tensor) => tf.Tensor): number => {
    const x = given(Array.from({ length: size }, (_, i) => 0.1 * Math.sin(i)));
    const chain = (x: tf.Tensor) => {
      let y = x;
      for (let i = 0; i < depth; i++) y = link(y);
      return tf.sum(y);
    };
    // What kernels allocate once, when they are first needed, is not this pass's.
    tf.grad(chain)(x).dispose();
    return heapPeak(() => tf.grad(chain)(x).dispose()) / (4 * size);
  };

  test("what was saved, and a few tensors more", () => {
    expect(peak(tf.sin)).toBeLessThan(depth + 8);
    expect(peak((x) => tf.mul(tf.sin(x), 0.9))).toBeLessThan(2 * depth + 8);
  });

  test("less than stock's by all gradients and what they were computed from", () => {
    const stock = asStock(() => peak(tf.sin));
    expect(stock).toBeGreaterThan(1.9 * peak(tf.sin));
  });

  test("nothing of tensors that it needs the shape of", () => {
    // The forward pass has them all until its end.
    const link = (x: tf.Tensor) => tf.tidy(() => tf.sin(tf.add(tf.sub(tf.reshape(x, [1, -1]), 1), 1)).reshape([-1]));
    const x = given(Array.from({ length: size }, () => 1));
    const { state } = tf.engine() as unknown as { state: { numDataBuffers: number } };
    let saved = 0;
    const f = (x: tf.Tensor) => {
      const y = tf.tidy(() => link(link(link(x))));
      saved = state.numDataBuffers;
      return tf.sum(y);
    };
    const before = state.numDataBuffers;
    tf.grad(f)(x).dispose();
    // Three arguments of sin, and y.
    expect(saved - before).toBe(4);
  });
});

describe("a backward pass frees nothing that somebody may still use", () => {
  test("a gradient that is its own dy, for two inputs", () => {
    const both = tf.customGrad((a, b) => ({
      value: tf.add(a as tf.Tensor, b as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => [dy, dy],
    }));
    const [x, y, dy] = [given([1, 2]), given([3, 4]), given([1, 2])];
    same(() => tf.grads((x, y) => both(tf.sin(x!), tf.mul(y!, y!)))([x, y], dy));
    // mod gives back dy, too.
    same(() => tf.grads((x, y) => tf.mod(tf.sin(x!), tf.exp(y!)))([x, y]));
  });

  test("a gradient that was saved in the forward pass", () => {
    const half = tf.customGrad((x, save) => {
      (save as tf.GradSaveFunc)([x as tf.Tensor]);
      return { value: tf.square(x as tf.Tensor), gradFunc: (_: tf.Tensor, saved: tf.Tensor[]) => [saved[0]!] };
    });
    const x = given([1, 2, 3]);
    same(() => tf.grad((x) => half(half(tf.sin(x))))(x));
    // A registered one.
    const stock = tf.getGradient("Square");
    tf.registerGradient({ ...stock, gradFunc: (_, saved) => ({ x: () => (saved as tf.Tensor[])[0]! }) });
    same(() => tf.grad((x) => tf.square(tf.square(tf.sin(x))))(x));
    tf.registerGradient(stock);
  });

  test("the user's own dy", () => {
    const [x, dy] = [given([1, 2]), given([5, 7])];
    const dx = tf.grad((x) => tf.reshape(x, [2]))(x, dy);
    expect([...dx.dataSync()]).toEqual([5, 7]);
    expect([...dy.dataSync()]).toEqual([5, 7]);
    dx.dispose();
  });

  test("what the functions of tf.customGrad hand to each other", () => {
    const handed: tf.Tensor[] = [];
    const tap = () =>
      tf.customGrad((x) => ({
        value: tf.mul(x as tf.Tensor, 2),
        gradFunc: (dy: tf.Tensor) => {
          const dx = tf.addN([dy, ...handed]);
          handed.push(dy, tf.square(dy), dx);
          return dx;
        },
      }));
    const x = given([0.5, 1.5]);
    same(() => {
      handed.length = 0;
      return tf.grad((x) => tap()(tf.sin(tap()(tf.sin(tap()(x))))))(x);
    });
  });

  test("a kept gradient", () => {
    let kept: tf.Tensor | undefined;
    const keep = tf.customGrad((x) => ({
      value: tf.mul(x as tf.Tensor, 2),
      gradFunc: (dy: tf.Tensor) => {
        kept = tf.keep(tf.mul(dy, 3));
        return kept;
      },
    }));
    const x = given([0.5]);
    const dx = tf.grad((x) => keep(tf.sin(x)))(x);
    expect([...kept!.dataSync()]).toEqual([3]);
    tf.dispose([dx, kept!]);
  });

  test("two nodes that saved one tensor, and an input that is also the result", () => {
    const x = given([0.5, 1.5]);
    same(() =>
      tf.grad((x) => {
        const s = tf.sin(x);
        return tf.add(tf.mul(s, tf.exp(s)), tf.mul(tf.mul(s, s), x));
      })(x),
    );
    const self = tf.customGrad((x) => ({ value: x as tf.Tensor, gradFunc: (dy: tf.Tensor) => tf.mul(dy, 2) }));
    same(() => tf.grad((x) => tf.sum(self(tf.square(x))))(x));
  });
});

describe("gradients are those of TensorFlow.js", () => {
  test("of gradients, twice and three times", () => {
    const x = given([0.3, -0.7, 1.1]);
    const f = (x: tf.Tensor) => tf.sum(tf.mul(tf.tanh(x), tf.exp(tf.mul(x, x))));
    const first = (x: tf.Tensor) => tf.sum(tf.square(tf.grad(f)(x)));
    same(() => tf.grad(first)(x));
    same(() => tf.grad((x) => tf.sum(tf.sin(tf.grad(first)(x))))(x));
  });

  test("of variables, with the value", () => {
    const v = tf.variable(given([0.3, -0.7]), true, "v");
    const w = tf.variable(given([0.2]), true, "w");
    same(() => {
      const { value, grads } = tf.variableGrads(() => tf.sum(tf.mul(tf.sin(v), tf.exp(w))) as tf.Scalar, [v, w]);
      return [value, ...Object.values(grads)];
    });
    tf.dispose([v, w]);
  });

  test("of a split whose other parts are not used", () => {
    const x = given([1, 2, 3, 4, 5, 6], [2, 3]);
    same(() => tf.grad((x) => tf.square(tf.split(tf.sin(x), 3, 1)[1]!))(x));
    same(() => tf.grad((x) => tf.square(tf.unstack(tf.sin(x), 0)[1]!))(x));
  });

  test("where another gradient is asked for within the backward pass, which stops TensorFlow.js", () => {
    const again = (f: (x: tf.Tensor) => tf.Tensor) =>
      tf.customGrad((x, save) => {
        (save as tf.GradSaveFunc)([x as tf.Tensor]);
        return { value: f(x as tf.Tensor), gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.grad(f)(saved[0]!, dy) };
      });
    const x = given([0.3, 0.4]);
    const f = (x: tf.Tensor) => tf.sin(tf.exp(tf.sin(x)));
    const plain = numbers(() => tf.grad((x) => tf.square(f(f(x))))(x));
    expect(numbers(() => tf.grad((x) => tf.square(again(f)(again(f)(x))))(x))).toEqual(plain);
  });
});

describe("what goes wrong is said, and leaves no tensor behind", () => {
  const x = () => given([0.5, 1.5]);

  test("in the forward pass", () => {
    const fail = (x: tf.Tensor): tf.Tensor => {
      tf.sin(tf.exp(x));
      throw new Error("on purpose");
    };
    expect(() => tf.grad(fail)(x())).toThrow("on purpose");
  });

  test("in the backward pass", () => {
    const fail = tf.customGrad((x) => ({
      value: tf.mul(x as tf.Tensor, 2),
      gradFunc: (): tf.Tensor => {
        throw new Error("on purpose");
      },
    }));
    expect(() => tf.grad((x) => tf.exp(fail(tf.sin(x))))(x())).toThrow("on purpose");
  });

  test("a gradient of another shape, of another type, and none", () => {
    const broken = (dx: (dy: tf.Tensor) => tf.Tensor) =>
      tf.customGrad((x) => ({ value: tf.mul(x as tf.Tensor, 2), gradFunc: dx }));
    const go = (dx: (dy: tf.Tensor) => tf.Tensor) => () => tf.grad((x) => broken(dx)(tf.sin(x)))(x());
    for (const [dx, message] of [
      // The words are TensorFlow.js's.
      [(dy: tf.Tensor) => tf.sum(dy), "has shape '', which does not match the shape of the input '2'"],
      [(dy: tf.Tensor) => tf.cast(dy, "int32"), "must have 'float32' dtype, but has 'int32'"],
    ] as const) {
      expect(go(dx)).toThrow(message);
    }
    expect(() => tf.grad(() => tf.scalar(1))(x())).toThrow("Cannot compute gradient of y=f(x)");
    expect(() => tf.grad((x) => tf.einsum("i->", x))(x())).toThrow("gradient function not found for Einsum");
  });
});

test("other backends go back as they do", async () => {
  await tf.setBackend("cpu");
  const x = given([0.5, 1.5]);
  const again = () => numbers(() => tf.grad((x) => tf.sum(tf.mul(tf.sin(x), x)))(x));
  expect(again()).toEqual(asStock(again));
  x.dispose();
});
