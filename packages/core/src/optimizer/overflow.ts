/**
 * Parameters that are not finite. Finite gradients can take them there, by a rate or a size that is too large, and no step looks at what it made: that would be one more pass. It is looked for where something is
 * read anyway, and where a gradient shows it.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Executor, Value } from "../executors/executor.js";
import { input, sum } from "../expression/expression.js";
import { layoutOf } from "../expression/layout.js";
import { compile } from "../expression/program.js";
import { listed } from "../expression/shown.js";

/** Finite only where everything is. */
const sumProgram = compile({ sum: sum(input("x", "element"), "tensor") });

const finite = (values: ArrayLike<number>): boolean => Array.prototype.every.call(values, Number.isFinite);

/** Looks at the variables that an optimizer trains. */
export class Overflow {
  private readonly executor: Executor<tf.Tensor>;
  private readonly trained: () => readonly tf.Variable[];
  /** After how many steps all of them were found finite. */
  private foundFinite: number | undefined;
  /** Those of which an error has told. */
  private readonly told = new Set<string>();

  /** @param trained The variables, as they are at the moment of the call. */
  constructor(executor: Executor<tf.Tensor>, trained: () => readonly tf.Variable[]) {
    this.executor = executor;
    this.trained = trained;
  }

  /**
   * The names of those that hold a NaN or an infinity at the moment of the call, in one asynchronous read of one number for each.
   *
   * @param steps Steps taken so far.
   */
  async names(steps: number): Promise<string[]> {
    const variables = this.trained();
    const sums = variables.map((x) => this.executor.run(sumProgram, { x }, layoutOf(x.shape)).sum as Value<tf.Tensor>);
    const numbers = await numbersOf(sums);
    // A sum may overflow where nothing else does.
    const suspects = variables.filter((variable, i) => !Number.isFinite(numbers[i]) && !variable.isDisposed);
    const values = await Promise.all(suspects.map((variable) => variable.data()));
    const found = suspects.filter((_, i) => !finite(values[i] as Float32Array)).map(({ name }) => name);
    if (found.length === 0) this.foundFinite = steps;
    return found;
  }

  /** @throws Error where there are some of which no error has told. */
  async refuse(called: string, steps: number): Promise<void> {
    const names = await this.names(steps);
    if (names.every((name) => this.told.has(name))) return;
    throw this.error(called, names, steps, "");
  }

  /**
   * The error for a gradient that is not finite where that is the parameters' doing; undefined where it is not. It waits for what it reads.
   *
   * @param what What was found.
   */
  behind(what: string, steps: number): Error | undefined {
    const names = this.trained().flatMap((variable) => (finite(variable.dataSync()) ? [] : [variable.name]));
    return names.length === 0
      ? undefined
      : this.error("applyGradients", names, steps, `, and so ${what}. Nothing was changed now`);
  }

  private error(called: string, names: readonly string[], steps: number, more: string): Error {
    for (const name of names) this.told.add(name);
    const since =
      steps === 0
        ? "before any step was taken"
        : `after step ${steps}: that step or one before it overflowed${this.foundFinite === undefined ? "" : ` (after step ${this.foundFinite} all were finite)`}`;
    return new Error(
      `${called}: there is a NaN or an infinity in the parameters ${listed(names.map((name) => `"${name}"`))}, ${since}${more}. No step can mend them: go back to weights and a checkpoint that you have saved, and lower the learning rate, or keep gradients small with clipByGlobalNorm.`,
    );
  }
}

/** Numbers that may be on the device, in one read; what holds them is freed. */
async function numbersOf(values: readonly Value<tf.Tensor>[]): Promise<readonly number[]> {
  const onDevice = values.filter((value) => typeof value !== "number");
  if (onDevice.length === 0) return values as readonly number[];
  const joined = tf.tidy(() => tf.keep(tf.concat(onDevice.map((value) => tf.reshape(value, [1])))));
  tf.dispose(onDevice);
  const read = [...(await joined.data())];
  joined.dispose();
  return values.map((value) => (typeof value === "number" ? value : (read.shift() as number)));
}
