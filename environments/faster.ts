/**
 * Kernels as they are without `setPrecise(true)`, which Node 20 cannot run and a browser can: their results differ in the last bits alone.
 */

import { setPrecise } from "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";

/** Rows of a product on either side of where it takes another way, with parts of tiles and several blocks of depth. */
const ROWS = [1, 7, 33];
const DEPTH = 805;
const COLUMNS = 45;

/** Sums of 805 products in (−1, 1) are some 10 in size; float32 rounds them by 1e-6, and all of their terms by some 1e-5. */
const BOUND = 1e-4;

/** @throws Error where a result is further away than roundings explain. */
export function checkFaster(): void {
  for (const rows of ROWS) {
    for (const [ta, tb] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const away = tf.tidy(() => {
        const a = tf.randomUniform(ta ? [DEPTH, rows] : [rows, DEPTH], -1, 1, "float32", 1);
        const b = tf.randomUniform(tb ? [COLUMNS, DEPTH] : [DEPTH, COLUMNS], -1, 1, "float32", 2);
        const product = (precise: boolean) => {
          setPrecise(precise);
          return tf.matMul(a, b, ta, tb);
        };
        try {
          return tf.max(tf.abs(tf.sub(product(false), product(true)))).dataSync()[0] as number;
        } finally {
          setPrecise(true);
        }
      });
      if (!(away <= BOUND)) throw new Error(`a product of ${rows} rows (${ta}, ${tb}) is ${away} from the precise one`);
    }
  }
}
