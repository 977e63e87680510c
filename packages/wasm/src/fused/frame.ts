/**
 * Frames: where a kernel in WebAssembly finds what it works on.
 *
 * The addresses and numbers that change from call to call stand in a frame in memory, one slot of 8 bytes each, so that one kernel serves every tensor with the same lines.
 *
 * The loop runs over `rows` rows of `length` numbers each. How channels lie in them is the kernel's mode:
 *
 *   flat    the lines know no channels; there is one row
 *   last    every row has one number per channel: a channel's operand is read along the row, its sums stand in memory
 *   first   every row is one channel: its operand is one number, its sums stand in registers
 *
 * A long sum is added up in float32 in blocks, and the blocks in float64.
 */
import type { Kernel } from "@hypergrad/core/executors";

/** How channels lie in the rows. */
export type Mode = "flat" | "last" | "first";

/** Where in the frame everything stands, by slot. A sum or maximum for everything is added to what its slot holds. */
export interface FrameLayout {
  readonly rows: number;
  /** Bytes of a row. */
  readonly length: number;
  /** Addresses of arrays. */
  readonly elements: number;
  readonly stores: number;
  readonly channels: number;
  /** For every reduction: the address of one float32 per channel (a sum's block, a maximum), and of one float64 per channel (the sum). A number for everything: its value, in float64. */
  readonly reductions: number;
  /** Numbers, in float32. */
  readonly scalars: number;
  readonly slots: number;
}

const count = ({ lines }: Kernel, op: string): number => lines.filter((line) => line.op === op).length;

/** The frame of a kernel. */
export function frameOf(kernel: Kernel): FrameLayout {
  const elements = 2;
  const stores = elements + count(kernel, "element");
  const channels = stores + kernel.stores.length;
  const reductions = channels + count(kernel, "channel");
  const scalars = reductions + 2 * kernel.reductions.length;
  return {
    rows: 0,
    length: 1,
    elements,
    stores,
    channels,
    reductions,
    scalars,
    slots: scalars + count(kernel, "scalar"),
  };
}
