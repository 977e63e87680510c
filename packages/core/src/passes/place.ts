/**
 * Places: where every value of a program is computed, which follows from where its inputs are.
 */
import type { Program } from "../expression/program.js";

/** Where a value is computed, and what one of its numbers covers: a single number, one per channel, one per element. */
export type Place = "host" | "channel" | "element";

/** Where every value is computed, given where the inputs are. */
export function placesOf({ instructions }: Program, inputs: ReadonlyMap<string, Place>, oneChannel: boolean): Place[] {
  const places: Place[] = [];
  for (const { kind, operands } of instructions) {
    const of = operands.map((operand) => places[operand] as Place);
    let place: Place = of.includes("element") ? "element" : of.includes("channel") ? "channel" : "host";
    if (kind.op === "input") place = inputs.get(kind.name) as Place;
    if ((kind.op === "reduceSum" || kind.op === "reduceMax") && place !== "host") {
      place = kind.to === "channel" && !oneChannel ? "channel" : "host";
    }
    places.push(place);
  }
  return places;
}
