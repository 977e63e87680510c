/**
 * Update rules, one file each: every numeric hyperparameter can be a number, a schedule or learned.
 *
 * @packageDocumentation
 */
export { adam } from "./adam.js";
export { adamw } from "./adamw.js";
export type { AdamOptions } from "./moments.js";
export { type SgdOptions, sgd } from "./sgd.js";
