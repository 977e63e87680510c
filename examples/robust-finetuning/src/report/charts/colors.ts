/** One colour a method, the same in every chart: grey for what was not trained, then the palette in the order of the methods. */

import type { MethodResult, StudyResult } from "../../result.ts";
import { roleOf } from "../findings.ts";

/** CSS variables of the page's palette (see the kit's style.ts), told apart also by those who see few colours. */
const PALETTE = [
  "var(--blue)",
  "var(--orange)",
  "var(--green)",
  "var(--purple)",
  "var(--ochre)",
  "var(--pink)",
  "var(--teal)",
];

/** The colour of every method, by its name. */
export function methodColors(result: StudyResult): Record<string, string> {
  const trained = result.methods.filter((method) => roleOf(method) !== "frozen");
  return Object.fromEntries(result.methods.map((method) => [method.name, colorOf(method, trained)]));
}

function colorOf(method: MethodResult, trained: readonly MethodResult[]): string {
  const index = trained.indexOf(method);
  return index < 0 ? "var(--muted)" : (PALETTE[index % PALETTE.length] ?? "var(--text)");
}
