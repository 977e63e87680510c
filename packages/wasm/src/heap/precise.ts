/**
 * One switch between speed and the same bits everywhere. What depends on it asks each time it runs, so that it can be changed at any time.
 */
import { hasMultiplyAdd } from "./assemble.js";

let on = false;

/** Whether results must have the same bits on every machine. */
export const precise = (): boolean => on;

/**
 * Chooses between speed, the default, and the same bits on every machine.
 *
 * Off, matrix products and convolutions multiply and add in one rounding where the engine has an instruction for that (relaxed SIMD: Node 22, browsers; not Node 20), and convolutions
 * of 3×3 may take Winograd's form. Results are as near to the exact ones as before, and the same in every run on one machine, but their last bits depend on processor and engine.
 * On, they do not. Optimizer steps have the same bits everywhere in both cases.
 *
 * It holds for all backends, from the next operation on. Kernels of either kind are compiled when one is first needed.
 *
 * @throws Error for anything but true and false.
 */
export function setPrecise(precise: boolean): void {
  if (typeof precise !== "boolean") {
    throw new Error(`setPrecise takes true (the same bits on every machine) or false (speed), not ${String(precise)}.`);
  }
  on = precise;
}

/** Whether matrix products and convolutions multiply and add in one rounding now: false where `setPrecise(true)` forbids it, and where the engine has no relaxed SIMD. */
export const multiplyAdd = (): boolean => !on && hasMultiplyAdd();
