/**
 * Gradients that share memory, with each other or with what is trained: steps write variables over, and must have read before.
 */
import { accumulate, chain, hyper, learned, type Spec } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw, clipByGlobalNorm, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { places } from "./places.js";

const STEPS = 3;
const names = ["a", "b", "c"] as const;

/** What the gradients of a, b and c are made of; `made` holds what is to be disposed of. */
type Sharing = (variables: readonly tf.Tensor[], made: (tensor: tf.Tensor) => tf.Tensor) => readonly tf.Tensor[];

const sharings: readonly (readonly [string, Sharing])[] = [
  ["each is the next variable", ([a, b, c]) => [b!, c!, a!]],
  ["two variables are each other's", ([a, b], made) => [b!, a!, made(tf.ones([4, 3]))]],
  ["each is the variable itself", ([a, b, c]) => [a!, b!, c!]],
  ["all are one variable", ([a]) => [a!, a!, a!]],
  ["all are one tensor", (_, made) => new Array(3).fill(made(tf.fill([4, 3], 0.5)))],
  ["each is a view of the next variable", ([a, b, c], made) => [b!, c!, a!].map((x) => made(tf.reshape(x, [4, 3])))],
  ["each is a clone of the next variable", ([a, b, c], made) => [b!, c!, a!].map((x) => made(x.clone()))],
];

const specs: readonly (readonly [string, Spec])[] = [
  ["SGD", sgd({ lr: 0.25 })],
  ["FTP with a learned rate", ftp(adamw({ lr: learned(1e-2, sgd({ lr: 1e-4 })) }))],
  ["a norm over all gradients", chain(clipByGlobalNorm({ maxNorm: 0.1 }), sgd({ lr: 0.25, momentum: 0.9 }))],
  ["gradients accumulated", accumulate(sgd({ lr: 0.25, momentum: 0.9 }), { steps: 2 })],
];

/** The variables after some steps; `copied`: with gradients that share nothing. */
function trained(spec: Spec, sharing: Sharing, copied: boolean, options: object): number[][] {
  const variables = names.map((name, i) =>
    tf.tidy(() => tf.variable(tf.sin(tf.add(tf.reshape(tf.range(0, 12), [4, 3]), i)), true, name)),
  );
  const optimizer = hyper(spec, options);
  const { numTensors } = tf.memory();
  for (let t = 0; t < STEPS; t++) {
    const made: tf.Tensor[] = [];
    const shared = sharing(variables, (tensor) => {
      made.push(tensor);
      return tensor;
    });
    const given = shared.map((g) => (copied ? tf.tensor(g.dataSync().slice(), [4, 3]) : g));
    const before = copied ? undefined : shared.map((g) => (variables.includes(g as tf.Variable) ? null : g.dataSync()));
    optimizer.applyGradients(Object.fromEntries(names.map((name, i) => [name, given[i] as tf.Tensor])));
    shared.forEach((g, i) => {
      if (before?.[i]) expect(g.dataSync()).toEqual(before[i]);
    });
    tf.dispose([copied ? given : [], made]);
  }
  const values = variables.map((variable) => [...variable.dataSync()]);
  optimizer.dispose();
  expect(tf.memory().numTensors).toBe(numTensors);
  tf.dispose(variables);
  return values;
}

describe.each(places)("on %s", (_, backend, options) => {
  describe.each(sharings)("where %s", (_, sharing) => {
    test.each(specs)("%s steps as with copies", async (_, spec) => {
      await tf.setBackend(backend);
      expect(trained(spec, sharing, false, options)).toEqual(trained(spec, sharing, true, options));
    });
  });

  test("two variables that are each other's gradients exchange a part of each other", async () => {
    await tf.setBackend(backend);
    const [a, b] = [tf.variable(tf.tensor1d([4, 2]), true, "a"), tf.variable(tf.tensor1d([3, 1]), true, "b")];
    const optimizer = hyper(sgd({ lr: 0.5 }), options);
    optimizer.applyGradients({ a: b, b: a });
    expect([...a.dataSync(), ...b.dataSync()]).toEqual([2.5, 1.5, 1, 0]);
    optimizer.dispose();
    tf.dispose([a, b]);
  });
});
