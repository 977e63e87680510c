/**
 * What is not finite: found without a branch, and kept out.
 *
 * A probe of a value is 0 where all of it is finite and NaN where anything is not. It is computed like any other value, so where scalars live
 * on the device nobody needs to read it: it selects between the old and the new.
 */

import { type Expr, input, select, sum } from "../expression/expression.js";
import { type Layout, scalarLayout } from "../expression/layout.js";
import { compile } from "../expression/program.js";
import type { Executor, Value } from "./executor.js";

/** The probe of an input, as an output of a program. */
export function probeOf(name: string): { probed: Expr<"tensor"> } {
  const x = input(name, "element");
  return { probed: sum(x.sub(x), "tensor") };
}

const probeProgram = compile(probeOf("x"), "probe");
const maskProgram = compile(
  { kept: select(input("probed", "tensor").equal(0), input("fresh", "element"), input("old", "element")) },
  "mask",
);
/** Whether a hyperparameter stays as it is, and whether that is for its own hyper-gradient's sake and not that of a skipped step below. */
const itself = input("own", "tensor").add(input("transformed", "tensor"));
const refusedProgram = compile(
  {
    probed: itself.add(input("below", "tensor")),
    refused: select(input("below", "tensor").equal(0), itself, 0),
  },
  "refusal",
);
const countProgram = compile(
  { next: input("count", "tensor").add(select(input("probed", "tensor").equal(0), 0, 1)) },
  "count",
);

/** 0 where every element of x is finite, else NaN: the sum of x − x. */
export function probe<A>(executor: Executor<A>, x: Value<A>, layout: Layout): Value<A> {
  if (typeof x === "number") return x - x;
  return executor.run(probeProgram, { x }, layout).probed as Value<A>;
}

/** The count, one higher where a probe found something not finite; it replaces the count given. */
export function countNonFinite<A>(executor: Executor<A>, count: Value<A>, probed: Value<A>): Value<A> {
  if (probed === 0) return count;
  const next = executor.run(countProgram, { probed, count }, scalarLayout).next as Value<A>;
  if (typeof count !== "number") executor.release(count);
  return next;
}

/** `fresh` where the probe is 0, else `old`; a new value. */
export function masked<A>(
  executor: Executor<A>,
  probed: Value<A>,
  fresh: Value<A>,
  old: Value<A>,
  layout: Layout,
): Value<A> {
  return executor.run(maskProgram, { probed, fresh, old }, layout).kept as Value<A>;
}

/**
 * Whether a hyperparameter stays as it is (`probed`), and whether that is for its own hyper-gradient's sake and not that of a skipped step
 * below (`refused`).
 *
 * @param own Probe of the hyper-gradient.
 * @param transformed Probe of what its transform made of it.
 * @param below Probe of the steps that it comes from.
 */
export function refusal<A>(
  executor: Executor<A>,
  own: Value<A>,
  transformed: Value<A>,
  below: Value<A>,
): { probed: Value<A>; refused: Value<A> } {
  if (own === 0 && transformed === 0 && below === 0) return { probed: 0, refused: 0 };
  const { probed, refused } = executor.run(refusedProgram, { own, transformed, below }, scalarLayout);
  return { probed: probed as Value<A>, refused: refused as Value<A> };
}
