/**
 * What a model is evaluated with, when that is not what is trained: averages of parameters, swapped in and out.
 */

import * as tf from "@tensorflow/tfjs-core";
import type { Executor } from "../executors/executor.js";
import type { Level } from "./level.js";
import { evaluationOf } from "./readings.js";

/** Variables whose own values are set aside for the time being. */
export class Swap {
  private readonly own = new Map<tf.Variable, tf.Tensor>();
  /** True between the two calls of `toggle`. */
  active = false;

  /** Puts the averages in place of the variables' values, or these back. Returns whether the averages are there now. */
  toggle(level: Level<tf.Tensor>, executor: Executor<tf.Tensor>): boolean {
    if (this.active) {
      this.end();
      return false;
    }
    for (const cell of level.cells.values()) {
      const variable = tf.engine().registeredVariables[cell.name];
      if (!variable) continue;
      const value = evaluationOf(level, cell, variable);
      if (value === undefined) continue;
      const whole = executor.spread(value, variable.shape);
      // A copy of its own: a clone shares memory, and kernels write in place. Times 1: −0 + 0 is 0.
      this.own.set(
        variable,
        tf.tidy(() => tf.keep(tf.mul(variable, 1))),
      );
      variable.assign(whole);
      tf.dispose(typeof value === "number" || value === whole ? [whole] : [whole, value]);
    }
    this.active = true;
    return true;
  }

  /** Puts the variables' own values back, if they are set aside. */
  end(): void {
    for (const [variable, value] of this.own) {
      if (!variable.isDisposed) variable.assign(value);
      value.dispose();
    }
    this.own.clear();
    this.active = false;
  }
}
