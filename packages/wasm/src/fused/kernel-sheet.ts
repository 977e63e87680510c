/** What the parts of a kernel's text share: its locals, the addresses that it walks with, and what becomes of its reductions. */
import type { Kernel, Line, Reduction } from "@hypergrad/core/executors";
import { type FrameLayout, frameOf, type Mode } from "./frame.js";
import { advance, get, i32 } from "./words.js";

/** A local that holds an address, and the frame's slot that it comes from. */
interface Address {
  readonly name: string;
  readonly slot: number;
}

/** A reduction that has a result for every channel, by its number. */
interface PerChannel {
  readonly reduction: Reduction;
  readonly i: number;
}

export class KernelSheet {
  readonly kernel: Kernel;
  readonly mode: Mode;
  readonly frame: FrameLayout;
  /** Addresses of what has a number for every element, and of what has one for every channel. */
  readonly elements: readonly Address[];
  readonly channels: readonly Address[];
  readonly perChannel: readonly PerChannel[];
  /** Whether a sum is kept in a register. */
  readonly sums: boolean;
  /**
   * How many vectors go side by side. An addition waits for the one before it; two sums side by side do not wait for each other. In every kernel as many, so
   * that a sum rounds alike whatever else is computed beside it.
   */
  readonly unroll: number;
  private readonly locals = new Map<string, string>();
  private loops = 0;

  constructor(kernel: Kernel, mode: Mode) {
    this.kernel = kernel;
    this.mode = mode;
    this.frame = frameOf(kernel);
    for (const name of ["i", "rows", "length", "stop", "end"]) this.local(name, "i32");
    this.perChannel = kernel.reductions.flatMap((reduction, i) =>
      reduction.to === "channel" ? [{ reduction, i }] : [],
    );
    this.sums = kernel.reductions.some((reduction) => reduction.op === "sum" && this.inRegister(reduction));
    this.unroll = this.sums ? 2 : 1;
    const { frame } = this;
    const address = (name: string, slot: number): Address => ({ name: this.local(name, "i32"), slot });
    this.elements = [
      ...this.operands("element").map((i) => address(`e${i}`, frame.elements + i)),
      ...kernel.stores.map((_, i) => address(`w${i}`, frame.stores + i)),
    ];
    this.channels = [
      ...this.operands("channel").map((i) => address(`c${i}`, frame.channels + i)),
      ...this.perChannel.flatMap(({ i }) => [
        address(`r${i}`, frame.reductions + 2 * i),
        address(`d${i}`, frame.reductions + 2 * i + 1),
      ]),
    ];
  }

  private operands(op: Line["op"]): number[] {
    return this.kernel.lines.flatMap((line) => (line.op === op ? [(line as { operand: number }).operand] : []));
  }

  /** A local of this name, declared. */
  local(name: string, type: string): string {
    this.locals.set(name, type);
    return name;
  }

  /** The declarations of all locals up to now. */
  get declarations(): string {
    return [...this.locals].map(([name, type]) => `(local $${name} ${type})`).join(" ");
  }

  /** Whether a reduction's running value is in a register: all but those of every channel of a row. */
  inRegister({ to }: Reduction): boolean {
    return to === "tensor" || this.mode === "first";
  }

  /** A label that no other loop has. */
  label(name: string): string {
    return `$${name}${this.loops++}`;
  }

  /** A loop while i is below a limit. */
  whileBelow(limit: string, step: number, content: string): string {
    const label = this.label("l");
    return `(if (i32.lt_u ${get("i")} ${limit}) (then (loop ${label}
      ${content}
      ${advance("i", i32(step))}
      (br_if ${label} (i32.lt_u ${get("i")} ${limit})))))`;
  }
}
