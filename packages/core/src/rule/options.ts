/** What every function with an options object checks. */

import { shown } from "../expression/shown.js";

/** Refuses options that do not exist: from plain JavaScript, a misspelt one would go unnoticed. */
export function checkNames(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new Error(`${where}: the options are ${shown(options)}; expected an object with any of ${known.join(", ")}.`);
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`${where}: there is no option "${unknown}"; there are ${known.join(", ")}.`);
  }
}
