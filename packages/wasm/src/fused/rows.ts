/**
 * Rows: how the channels of a layout lie in memory.
 *
 * Neighbouring axes of one kind are one: what remains are stretches that run over channels and stretches that a channel spans, in turn. The innermost two are a
 * kernel's rows; whatever is outside of them becomes one call of the kernel for each of its indices.
 */
import type { Layout } from "@hypergrad/core/executors";
import type { Mode } from "./frame.js";

/** One call of a kernel. */
export interface Call {
  /** The number of its first element, and of its first channel. */
  readonly element: number;
  readonly channel: number;
  readonly rows: number;
  /** Elements in a row. */
  readonly width: number;
}

/** How a kernel that knows channels walks over a tensor. */
export interface Rows {
  readonly mode: Mode;
  readonly calls: readonly Call[];
  /** Mode "last": a row has every channel this many times, side by side, where there are too few of them to fill vectors. */
  readonly copies: number;
  /** Mode "last": how many channels a call covers. */
  readonly channels: number;
}

/** A row should have this many elements at least. */
const WIDTH = 64;
/** Of wider rows the few elements that fill no vector do not count. */
const WIDE = 512;

/** How many rows are made one. */
function copiesFor(channels: number, rows: number): number {
  let copies = 1;
  while (copies < rows && (copies * channels < WIDTH || ((copies * channels) % 4 !== 0 && copies * channels < WIDE)))
    copies++;
  return copies;
}

/** How a kernel that knows channels walks over a tensor of this layout, which has several channels. */
function rowsOf({ shape, reduced }: Layout): Rows {
  const stretches: { size: number; kept: boolean }[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const kept = !reduced.includes(axis);
    const last = stretches.at(-1);
    if (last?.kept === kept) last.size *= size;
    else stretches.push({ size, kept });
  });
  const inner = stretches.pop() as { size: number; kept: boolean };
  const rows = stretches.pop()?.size ?? 1;
  let offsets = [{ element: 0, channel: 0 }];
  let element = rows * inner.size;
  let channel = inner.kept ? inner.size : rows;
  for (const { size, kept } of stretches.reverse()) {
    const [e, c] = [element, kept ? channel : 0];
    offsets = Array.from({ length: size }, (_, i) => i).flatMap((i) =>
      offsets.map((at) => ({ element: at.element + i * e, channel: at.channel + i * c })),
    );
    element *= size;
    if (kept) channel *= size;
  }
  if (!inner.kept) {
    const calls = offsets.map((at) => ({ ...at, rows, width: inner.size }));
    return { mode: "first", calls, copies: 1, channels: rows };
  }
  const copies = copiesFor(inner.size, rows);
  const [whole, rest] = [Math.floor(rows / copies), rows % copies];
  const calls = offsets.flatMap((at): Call[] => [
    { ...at, rows: whole, width: copies * inner.size },
    ...(rest ? [{ ...at, element: at.element + whole * copies * inner.size, rows: 1, width: rest * inner.size }] : []),
  ]);
  return { mode: "last", calls, copies, channels: inner.size };
}

/** How a loop walks over memory: calls of its kernel, and whether they may run side by side. */
export interface Walk {
  readonly calls: readonly Call[];
  readonly together: boolean;
  /** How the channels lie in it; undefined for a loop that knows none. */
  readonly rows: Rows | undefined;
}

/** Elements of a call that others may run beside. The number is in the results: a sum is added up call by call. */
export const PIECE: number = 2 ** 16;

/** The walk of a loop that knows no channels. */
export function flatWalk(size: number): Walk {
  const calls = Array.from({ length: Math.ceil(size / PIECE) }, (_, i) => ({
    element: i * PIECE,
    channel: 0,
    rows: 1,
    width: Math.min(PIECE, size - i * PIECE),
  }));
  return { calls, together: true, rows: undefined };
}

/** The walk of a loop that knows channels; `reduces` is true where it has results per channel, of which only one call at a time may have one's. */
export function rowsWalk(layout: Layout, reduces: boolean): Walk {
  const rows = rowsOf(layout);
  const { mode, calls, copies } = rows;
  const apart = mode === "first" && calls.length === 1;
  // Repeated operands stand in one place.
  const same = copies === 1 || calls.every(({ channel }) => channel === calls[0]?.channel);
  const together = same && (!reduces || apart);
  return { calls: together ? calls.flatMap((call) => piecesOf(call, mode)) : calls, together, rows };
}

/** A call in pieces of whole rows. */
function piecesOf({ element, channel, rows, width }: Call, mode: Mode): Call[] {
  const some = Math.max(1, Math.floor(PIECE / width));
  return Array.from({ length: Math.ceil(rows / some) }, (_, i) => ({
    element: element + i * some * width,
    channel: channel + (mode === "first" ? i * some : 0),
    rows: Math.min(some, rows - i * some),
    width,
  }));
}
