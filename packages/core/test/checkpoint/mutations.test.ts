/**
 * Checkpoints of which something is another: they are refused in a few words, or what they restore can be trained, and says so where its numbers are not fit to.
 */
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeSafetensors,
  HyperOptimizer,
  type NamedTensor,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { check, checkAsync } from "../check.js";
import { all, optimizer, saveBeforeEach, saved } from "../saved-run.js";
import { step } from "../support.js";
import { spec } from "./spec.js";

saveBeforeEach(spec, 3);

const warn = vi.spyOn(console, "warn");
beforeEach(() => warn.mockImplementation(() => {}));
afterEach(() => warn.mockReset());

/** Deeper than a stack is high. */
const deep = Array.from({ length: 20_000 }).reduce<unknown>((inside) => [inside], 0);

const odd: readonly unknown[] = [
  null,
  undefined,
  true,
  -1,
  0.5,
  2 ** 60,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "",
  "x".repeat(1e6),
  "__proto__",
  [],
  {},
  [[]],
  deep,
  new Float32Array(3),
  new Float64Array(1),
  () => 0,
];

/** One of them, by its place: what is this deep cannot be printed either. */
const which = fc.nat(odd.length - 1);

/** How one thing becomes another: where, given as numbers that choose among what is there, and what. */
const mutation = fc.record({
  path: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
  how: fc.constantFrom("replace", "remove", "add", "rename"),
  by: which,
});
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** A copy that differs in one place. */
function mutated(x: unknown, { path, how, by }: Mutation): unknown {
  const [at, ...rest] = path;
  if (at === undefined || typeof x !== "object" || x === null || Object.keys(x).length === 0) return odd[by];
  if (ArrayBuffer.isView(x)) {
    const values = (x as Float64Array).slice();
    const value = odd[by];
    values[at % values.length] = typeof value === "number" ? value : Number.NaN;
    return values;
  }
  const entries = Object.entries(x);
  const [key, value] = entries[at % entries.length] as [string, unknown];
  const others = entries.filter(([other]) => other !== key);
  const last = rest.length === 0;
  const changed: [string, unknown][] =
    last && how === "remove"
      ? others
      : last && how === "add"
        ? [...entries, [typeof odd[by] === "string" ? odd[by].slice(0, 2000) : `odd ${by}`, value]]
        : last && how === "rename"
          ? [...others, ["__proto__", value]]
          : entries.map(([name, old]) => [name, name === key ? mutated(old, { path: rest, how, by }) : old]);
  return Array.isArray(x) ? changed.map(([, item]) => item) : Object.fromEntries(changed);
}

/** The error, if it is one that people can read. */
function refused(error: unknown): Error {
  expect(error).toBeInstanceOf(Error);
  const { name, message } = error as Error;
  expect(name, message).toBe("Error");
  expect(message).toMatch(/^(checkpoint|safetensors|setWeights|restore|applyGradients): /);
  expect(message.length, message.slice(0, 300)).toBeLessThan(1500);
  return error as Error;
}

/** How often something was accepted that is not what was saved, and how often not. */
const counts = { accepted: 0, refused: 0 };

/** What was restored is trained; where that makes NaN of parameters, it is said. */
async function trains(restore: (fresh: HyperOptimizer) => unknown): Promise<void> {
  const fresh = new HyperOptimizer(spec);
  const before = Object.values(all).map((variable) => variable.clone());
  try {
    await restore(fresh);
    step(fresh, all, 9);
    const finite = Object.values(all).every((variable) => variable.dataSync().every(Number.isFinite));
    expect((await fresh.nonFinite()).variables.length === 0).toBe(finite);
    counts.accepted++;
  } catch (error) {
    refused(error);
    counts.refused++;
  } finally {
    fresh.dispose();
    for (const [i, variable] of Object.values(all).entries()) variable.assign(before[i] as tf.Tensor);
    tf.dispose(before);
  }
}

test("as plain objects", async () => {
  await checkAsync(mutation, 600, (change) => trains((fresh) => fresh.restore(mutated(saved, change) as Checkpoint)));
  expect(counts.refused).toBeGreaterThan(300);
});

test("as files without a checksum, in any byte, with bytes more or less", async () => {
  const { format, structure, variables, tensors } = saved;
  const bytes = encodeSafetensors({ tensors, metadata: { format, structure, variables: JSON.stringify(variables) } });
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    gone: fc.nat(9),
    come: fc.uint8Array({ maxLength: 9 }),
  });
  // Most of what matters is in the header.
  const place = fc
    .tuple(edit, fc.boolean())
    .map(([each, header]) => ({ ...each, at: header ? each.at * 0.5 : each.at }));
  await checkAsync(fc.array(place, { minLength: 1, maxLength: 3 }), 600, (edits) =>
    trains((fresh) => {
      let changed = bytes;
      for (const { at, gone, come } of edits) {
        const from = Math.floor(at * changed.length);
        changed = Uint8Array.from([...changed.subarray(0, from), ...come, ...changed.subarray(from + gone)]);
      }
      fresh.restore(decodeCheckpoint(changed));
    }),
  );
});

test("as files whose header says something else", () => {
  const { format, structure, variables, tensors } = saved;
  const bytes = encodeSafetensors({ tensors, metadata: { format, structure, variables: JSON.stringify(variables) } });
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  check(mutation, 600, (change) => {
    let text: string;
    try {
      text = JSON.stringify(mutated(header, change)) ?? "";
    } catch {
      // What is too deep to be written.
      text = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    }
    const written = new TextEncoder().encode(text);
    const file = new Uint8Array(8 + written.length + bytes.length - 8 - length);
    new DataView(file.buffer).setBigUint64(0, BigInt(written.length), true);
    file.set(written, 8);
    file.set(bytes.subarray(8 + length), 8 + written.length);
    try {
      decodeCheckpoint(file);
    } catch (error) {
      refused(error);
    }
  });
});

test("as weights", async () => {
  const weights = await optimizer.getWeights();
  const header = weights.find(({ name }) => name === "hypergrad/header") as NamedTensor;
  const said = JSON.parse(new TextDecoder().decode(Uint8Array.from(await header.tensor.data())));
  const drawn = fc.record({ change: mutation, place: fc.nat(), by: which });
  await checkAsync(drawn, 400, ({ change, place, by }) =>
    trains(async (fresh) => {
      if (place % 2 === 0) {
        let text = "[";
        try {
          text = JSON.stringify(mutated(said, change)) ?? "";
        } catch {
          // What is too deep to be written is no header either.
        }
        const tensor = tf.tensor1d(Int32Array.from(new TextEncoder().encode(text)), "int32");
        await fresh.setWeights(weights.map((weight) => (weight === header ? { ...weight, tensor } : weight)));
        return;
      }
      const other = weights.map((weight, i) =>
        i === place % weights.length ? (place % 3 === 0 ? odd[by] : { ...weight, name: odd[by] }) : weight,
      );
      await fresh.setWeights(place % 7 === 0 ? (odd[by] as never) : (other as never));
    }),
  );
});
