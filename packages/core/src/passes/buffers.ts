/**
 * Buffers: the arrays that a program cut into steps writes.
 */
import type { Program } from "../expression/program.js";
import type { Place } from "./place.js";

/** An array that is written. */
export interface Buffer {
  readonly over: "channel" | "element";
  /** The output that it becomes; undefined for what is needed only meanwhile. */
  readonly output: string | undefined;
  /** The index of the input of that name; −1 where there is none. */
  readonly replaces: number;
  /** The number of the step that writes it first. */
  readonly from: number;
}

/** When values are computed and read, by the number of the step, and which of them are stored in between. */
export interface Lifetimes {
  /** The step that computes a value; −1 for inputs. */
  readonly known: ReadonlyMap<number, number>;
  /** The last step that reads a value. */
  readonly readIn: readonly number[];
  readonly stored: ReadonlySet<number>;
  /** The last step that reads an input's array. */
  readonly lastRead: ReadonlyMap<number, number>;
}

/** Where the values that are stored are. */
export interface Buffers {
  readonly buffers: readonly Buffer[];
  /** Which buffer a value is in. */
  readonly bufferOf: ReadonlyMap<number, number>;
}

/** A buffer for every output and for what is stored meanwhile. */
export function buffersFor(
  { instructions, outputs }: Program,
  places: readonly Place[],
  { known, stored, readIn, lastRead }: Lifetimes,
): Buffers {
  const buffers: { -readonly [K in keyof Buffer]: Buffer[K] }[] = [];
  const bufferOf = new Map<number, number>();
  const inputs = new Map(
    instructions.flatMap(({ kind }, index) => (kind.op === "input" ? [[kind.name, index] as const] : [])),
  );
  for (const [name, index] of outputs) {
    if (!stored.has(index) || bufferOf.has(index)) continue;
    bufferOf.set(index, buffers.length);
    const replaces = inputs.get(name) ?? -1;
    buffers.push({ over: places[index] as Buffer["over"], output: name, replaces, from: known.get(index) as number });
  }
  for (const index of [...stored].sort((a, b) => a - b)) {
    if (bufferOf.has(index)) continue;
    const from = known.get(index) as number;
    // An output that comes no earlier than this is read for the last time, and whose array, which may be the input of its name, is not read after this step.
    const free = buffers.findIndex(({ over, output, replaces, from: later }) => {
      if (output === undefined || over !== places[index]) return false;
      return later >= (readIn[index] as number) && (replaces < 0 || (lastRead.get(replaces) as number) <= from);
    });
    if (free >= 0) {
      (buffers[free] as { from: number }).from = from;
      bufferOf.set(index, free);
    } else {
      bufferOf.set(index, buffers.length);
      buffers.push({ over: places[index] as Buffer["over"], output: undefined, replaces: -1, from });
    }
  }
  return { buffers, bufferOf };
}
