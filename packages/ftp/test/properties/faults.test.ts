/**
 * A step is all or nothing: whichever of its allocations fails, everything is as it was before, bit for bit, and the run goes on as if nothing had been.
 */
import {
  accumulate,
  chain,
  cosine,
  encodeCheckpoint,
  groups,
  type HyperOptions,
  learned,
  type Spec,
} from "@hypergrad/core";
import { type Problem, problems } from "@hypergrad/core/testing";
import { ftp } from "@hypergrad/ftp";
import {
  adam,
  adamw,
  clipByGlobalNorm,
  lamb,
  lookahead,
  muon,
  prodigy,
  scheduleFreeAdamw,
  sgd,
  sgdHd,
  shampoo,
} from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Bench, bench } from "../../../core/src/testing/traces.js";
import { checkAsync } from "../../../core/test/check.js";
import { places } from "./places.js";
import { specs } from "./specs.js";

interface Allocator {
  _malloc(bytes: number): number;
}
let wasm: Allocator;
let malloc: Allocator["_malloc"];

beforeAll(async () => {
  await tf.setBackend("wasm");
  ({ wasm } = tf.backend() as unknown as { wasm: Allocator });
  malloc = wasm._malloc;
});
afterEach(() => {
  wasm._malloc = malloc;
});

/** Does something during which the nth allocation fails, and no other. True where there were so many. */
function failing(n: number, act: () => void): boolean {
  let count = 0;
  wasm._malloc = (bytes) => {
    if (++count === n) throw new Error("no room: the test says so");
    return malloc(bytes);
  };
  try {
    act();
  } catch (error) {
    if (!(error as Error).message.includes("no room: the test says so")) throw error;
  } finally {
    wasm._malloc = malloc;
  }
  return count >= n;
}

/** Everything that there is to be seen of a run, to the last bit. */
async function seen({ optimizer, variables, look, operators }: Bench & { operators: boolean }): Promise<unknown> {
  const { numTensors, numBytes } = tf.memory();
  return {
    values: variables.map((variable) => [...new Int32Array(variable.dataSync<"float32">().slice().buffer)]),
    remembered: Buffer.from(encodeCheckpoint(await optimizer.checkpoint())).toString("base64"),
    iterations: optimizer.iterations,
    looked: await look(),
    nonFinite: await optimizer.nonFinite(),
    memory: { numTensors, numBytes },
    // A kernel of TensorFlow.js that needs memory twice, as products do, leaves behind what it got first.
    data: operators ? undefined : tf.backend().numDataIds(),
  };
}

/** Every allocation where there are few, and ever fewer of the hundreds that TensorFlow.js's operations need. */
const nextFor = ({ executor, scalars }: HyperOptions) =>
  executor === "tfjs" || scalars === "device" ? (n: number) => n + 1 + (n >> 1) : (n: number) => n + 1;

function gradientsOf({ variables }: Bench, problem: Problem, t: number): tf.NamedTensorMap {
  const numbers = Object.values(problem.gradients(t));
  return Object.fromEntries(
    variables.map(({ name, shape }, i) => [name, tf.tensor(Float32Array.from(numbers[i]!), shape, "float32")]),
  );
}

/** Takes every step of a problem, after it was tried with each of its allocations failing; the run must be that of one to which nothing happens. */
async function expectWhole(spec: Spec, problem: Problem, options: HyperOptions, operators = false): Promise<number> {
  let faults = 0;
  const spared = bench(spec, problem, { ...options, prefix: "spared/" });
  const struck = { ...bench(spec, problem, { ...options, prefix: "struck/" }), operators };
  const next = nextFor(options);
  try {
    for (let t = 0; t < problem.steps; t++) {
      const gradients = gradientsOf(struck, problem, t);
      const before = await seen(struck);
      for (let n = 1; ; n = next(n)) {
        let stepped = false;
        const fails = failing(n, () => {
          struck.optimizer.applyGradients(gradients);
          stepped = true;
        });
        expect(stepped, `allocation ${n} of step ${t + 1}`).toBe(!fails);
        if (stepped) break;
        faults++;
        expect(await seen(struck), `after allocation ${n} of step ${t + 1} failed`).toEqual(before);
      }
      tf.dispose(gradients);
      spared.step(problem.gradients(t));
      expect(await struck.look()).toEqual(await spared.look());
    }
  } finally {
    spared.dispose();
    struck.dispose();
  }
  return faults;
}

const onWasm = places.filter(([, backend]) => backend === "wasm");
const [problem] = fc.sample(
  problems({
    forms: fc.constant({ shape: [4, 3], channelAxes: undefined }),
    maxVariables: 2,
    minSteps: 3,
    maxSteps: 3,
    kinds: ["noise"],
  }),
  { seed: 5, numRuns: 1 },
) as [Problem];

const rate = (by = sgd({ lr: 1e-4 })) => learned(1e-2, by);
const cases: readonly (readonly [name: string, Spec, operators?: boolean])[] = [
  ["FTP with a learned rate", ftp(adamw({ lr: rate() }))],
  ["a tower", adam({ lr: rate(sgd({ lr: learned(1e-4, sgd({ lr: 1e-6 })) })) })],
  ["gradients accumulated", accumulate(adam({ lr: rate() }), { steps: 2 })],
  [
    "some gradients accumulated, and some not",
    groups(
      [[/a$/, accumulate(adam({ lr: rate() }), { steps: 3 })]],
      accumulate(ftp(sgd({ momentum: 0.9 })), { steps: 2 }),
    ),
  ],
  [
    "a learner that accumulates",
    sgd({ lr: learned(1e-2, accumulate(adam({ lr: 1e-4 }), { steps: 2 }), { per: "element" }) }),
  ],
  ["rates learned per element", adam({ lr: learned(1e-2, adam({ lr: 1e-4 }), { per: "element" }) })],
  [
    "rates learned per channel, and momentum",
    lamb({ lr: learned(1e-2, adam({ lr: 1e-4 }), { per: "channel" }), beta1: learned(0.9, sgd({ lr: 1e-3 })) }),
  ],
  ["a norm over all gradients", chain(clipByGlobalNorm({ maxNorm: 0.1 }), adam({ lr: cosine(1e-2, { steps: 6 }) }))],
  ["operators on tensors", groups([[/a$/, muon()]], shampoo()), true],
  ["numbers that a rule keeps", groups([[/a$/, prodigy()]], scheduleFreeAdamw())],
  ["a rule that writes its rate", sgdHd()],
  ["what happens now and then", chain(lookahead({ steps: 2 }), adam({ lr: rate() }))],
];

describe.each(onWasm)("on %s", (_, __, options) => {
  test.each(cases.map(([name, spec, operators = false]) => [name, spec, operators] as const))(
    "a step that there is no room for changes nothing: %s",
    async (_, spec, operators) => {
      expect(await expectWhole(spec, problem, options, operators)).toBeGreaterThan(0);
    },
  );

  test("a step that there is no room for changes nothing, whatever the spec", async () => {
    const drawn = fc.record({ spec: specs(), problem: problems({ maxVariables: 2, maxSteps: 3 }) });
    await checkAsync(drawn, 8, async ({ spec: { it: spec }, problem }) => {
      await expectWhole(spec, problem, options);
    });
  });
});
