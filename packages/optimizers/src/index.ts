/**
 * Update rules, one file each: every numeric hyperparameter can be a number, a schedule or learned.
 *
 * @packageDocumentation
 */
export { type AdamOptions, adam, adamw } from "./adam.js";
export { type SgdOptions, sgd } from "./sgd.js";
