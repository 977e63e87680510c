/** Numbers and lists as the tables, the captions and the terminal all write them. */
import { NONE, significant } from "@hypergrad/example-kit";

/** A loss with two digits that matter; infinite: the training diverged. */
export function lossText(loss: number): string {
  if (loss === Number.POSITIVE_INFINITY) return "diverged";
  if (!Number.isFinite(loss)) return NONE;
  return significant(Number(loss.toPrecision(2)));
}

/** A factor: `3.2 times`, `40 000 times` as `4e+4 times`. */
export function times(factor: number): string {
  return `${significant(Number(factor.toPrecision(2)))} times`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** `1 run`, `3 runs`. */
export function counted(count: number, singular: string): string {
  return `${count} ${singular}${count === 1 ? "" : "s"}`;
}
