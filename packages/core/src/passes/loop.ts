/**
 * Loops: one pass over memory, as the lines of a kernel.
 */
import type { OperationName } from "../expression/node.js";
import type { Instruction, Program } from "../expression/program.js";
import type { Kernel, Line, Reduction } from "./kernel.js";
import type { Place } from "./place.js";

/** Values are known by the index of their instruction. */
export interface Loop {
  readonly over: "channel" | "element";
  readonly kernel: Kernel;
  /** The same for kernels that do the same. */
  readonly key: string;
  /** What the kernel's operands are, in their order. */
  readonly elements: readonly number[];
  readonly channels: readonly number[];
  readonly scalars: readonly Scalar[];
  /** What it writes. */
  readonly stores: readonly number[];
  readonly reductions: readonly number[];
}

/** A number that a kernel is given; 1/x where the lines divide by x, because to multiply is faster. */
interface Scalar {
  readonly value: number;
  readonly reciprocal: boolean;
}

/** Writes the lines that some values need, each once. */
class Lines {
  readonly lines: Line[] = [];
  readonly operands = { element: [] as number[], channel: [] as number[], scalar: [] as Scalar[] };
  private readonly lineOf = new Map<string, number>();

  private readonly instructions: readonly Instruction[];
  private readonly places: readonly Place[];
  private readonly over: Loop["over"];
  private readonly own: ReadonlySet<number>;

  /** @param own The values that this loop computes. */
  constructor(
    instructions: readonly Instruction[],
    places: readonly Place[],
    over: Loop["over"],
    own: ReadonlySet<number>,
  ) {
    this.instructions = instructions;
    this.places = places;
    this.over = over;
    this.own = own;
  }

  /** The line that has a value. */
  for(index: number): number {
    if (this.places[index] === "host") return this.scalar(index);
    if (!this.own.has(index)) {
      const from = this.places[index] === this.over ? "element" : "channel";
      return this.push(`${index}`, () => ({ op: from, operand: this.operands[from].push(index) - 1 }));
    }
    const { kind, operands } = this.instructions[index] as Instruction;
    const [a, b] = operands as [number, number];
    if (kind.op === "div" && this.places[b] === "host") return this.product(index, a, () => this.scalar(b, true));
    // A reduction of what is already one number for everything it covers: `bind` gives the count.
    if (kind.op === "reduceSum") return this.product(index, a, () => this.scalar(index));
    if (kind.op === "reduceMax") return this.for(a);
    const made = operands.map((operand) => this.for(operand));
    return this.push(`${index}`, () => ({ op: kind.op as OperationName, operands: made }));
  }

  private product(index: number, a: number, factor: () => number): number {
    const operands = [this.for(a), factor()];
    return this.push(`${index}`, () => ({ op: "mul", operands }));
  }

  private scalar(value: number, reciprocal = false): number {
    return this.push(`${reciprocal ? "1/" : "="}${value}`, () => ({
      op: "scalar",
      operand: this.operands.scalar.push({ value, reciprocal }) - 1,
    }));
  }

  private push(id: string, line: () => Line): number {
    const present = this.lineOf.get(id);
    if (present !== undefined) return present;
    const made = line();
    this.lineOf.set(id, this.lines.length);
    this.lines.push(made);
    return this.lines.length - 1;
  }
}

/** The kernel of a step: what its stored values and reductions need, and no more. */
export function loopOf(
  { instructions }: Program,
  places: readonly Place[],
  over: Loop["over"],
  values: readonly number[],
  reductions: readonly number[],
  stored: ReadonlySet<number>,
): Loop {
  const written = new Lines(instructions, places, over, new Set(values));
  const kernelReductions = reductions.map((index): Reduction => {
    const { kind, operands } = instructions[index] as Instruction;
    return {
      op: kind.op === "reduceSum" ? "sum" : "max",
      line: written.for(operands[0] as number),
      to: places[index] === "channel" ? "channel" : "tensor",
    };
  });
  const stores = values.filter((index) => stored.has(index));
  const { lines, operands } = written;
  const kernel = { lines, stores: stores.map((index) => written.for(index)), reductions: kernelReductions };
  return {
    over,
    kernel,
    key: JSON.stringify([lines.map((line) => Object.values(line)), kernel.stores, kernelReductions.map(Object.values)]),
    elements: operands.element,
    channels: operands.channel,
    scalars: operands.scalar,
    stores,
    reductions,
  };
}
