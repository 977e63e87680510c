/** Marks of a data set: what each of its rows is drawn as. */

import { ink, type Mark } from "@hypergrad/example-kit";

/** A mark for every row of a data set; what is encoded is given as Vega does it. */
export const markOf = <T extends Mark["type"]>(type: T, data: string, update: object): Mark =>
  ({ type, from: { data }, encode: { update } }) as Mark;

/** Lines across, at the height `y`. */
export const across = (data: string, from: object, to: object): Mark =>
  markOf("rule", data, { x: from, x2: to, y: { field: "y" }, stroke: { value: ink.grid } });
