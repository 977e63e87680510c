/**
 * Passes: a program cut into loops over memory.
 *
 * What does not depend on the element is computed by JavaScript, in float64. What does is computed in loops: as much as can be known goes
 * into one loop, and the next one begins only where something waits for a reduction over the whole of the last. Between loops over the tensor there are
 * loops over its channels, which are few. For AdamW that is one loop; FTP's projection makes it two, with the norms of the rows between.
 *
 * A value that a loop computes and a later one needs is stored in between: in the array of an output that is written later, if there is one, so
 * that it costs no memory.
 */
import { type Compute, computeOf } from "../executors/executor.js";
import type { OperationName } from "../expression/node.js";
import type { Instruction, Program } from "../expression/program.js";
import type { Kernel, Line, Reduction } from "./kernel.js";
import { type Place, placesOf } from "./place.js";
import { multiplying } from "./reciprocals.js";

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

/** Values that JavaScript computes, in this order. */
export interface Host {
  readonly over: "host";
  readonly values: readonly { readonly index: number; readonly compute: Compute }[];
}

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

/** A program cut into steps. */
export interface Passes {
  /** The program, as it is run; values are known by the index of their instruction. */
  readonly program: Program;
  readonly steps: readonly (Host | Loop)[];
  readonly places: readonly Place[];
  readonly buffers: readonly Buffer[];
  /** Which buffer a value is in. */
  readonly bufferOf: ReadonlyMap<number, number>;
  /** The number of the last step that reads an input's array. */
  readonly lastRead: ReadonlyMap<number, number>;
}

const isReduction = ({ kind }: Instruction): boolean => kind.op === "reduceSum" || kind.op === "reduceMax";

/**
 * Cuts a program into steps.
 *
 * @param inputs Where every input is: a number, one number per channel, or one per element.
 * @param oneChannel True where the whole tensor is one channel.
 */
export function passesOf(given: Program, inputs: ReadonlyMap<string, Place>, oneChannel: boolean): Passes {
  const program = multiplying(given, placesOf(given, inputs, oneChannel));
  const { instructions, outputs } = program;
  const places = placesOf(program, inputs, oneChannel);
  const at = (index: number): Instruction => instructions[index] as Instruction;
  const place = (index: number): Place => places[index] as Place;
  const isInput = (index: number): boolean => at(index).kind.op === "input";
  /** A reduction that a loop makes, over the channels or the elements; any other is arithmetic. */
  const reducesOver = (index: number): Place | undefined => {
    if (!isReduction(at(index))) return undefined;
    const from = place(at(index).operands[0] as number);
    return from === place(index) ? undefined : from;
  };

  // Inputs are known from the beginning. Every value becomes known in one step.
  const known = new Map<number, number>();
  instructions.forEach((_, index) => {
    if (isInput(index)) known.set(index, -1);
  });
  const ready = (index: number, also: ReadonlySet<number>): boolean =>
    at(index).operands.every((operand) => known.has(operand) || also.has(operand));
  const computed: { over: Place; values: number[]; reductions: number[] }[] = [];
  while (known.size < instructions.length) {
    for (const over of ["host", "channel", "element"] as const) {
      const values = new Set<number>();
      const reductions: number[] = [];
      instructions.forEach((_, index) => {
        if (known.has(index) || !ready(index, values)) return;
        if (reducesOver(index) === over) reductions.push(index);
        else if (!reducesOver(index) && place(index) === over) values.add(index);
      });
      if (values.size + reductions.length === 0) continue;
      for (const index of [...values, ...reductions]) known.set(index, computed.length);
      computed.push({ over, values: [...values], reductions });
      break;
    }
  }

  // What is read in a later step than it is computed in, or is an output, is stored.
  const readIn = instructions.map(() => -1);
  const stored = new Set([...outputs.values()].filter((index) => !isInput(index) && place(index) !== "host"));
  instructions.forEach((instruction, index) => {
    for (const operand of instruction.operands) {
      const step = known.get(index) as number;
      readIn[operand] = Math.max(readIn[operand] as number, step);
      if (step > (known.get(operand) as number) && !isInput(operand) && place(operand) !== "host") stored.add(operand);
    }
  });

  const lastRead = new Map<number, number>();
  instructions.forEach((_, index) => {
    // An input that is also an output is read when all is done.
    const isOutput = [...outputs.values()].includes(index);
    if (isInput(index)) lastRead.set(index, isOutput ? computed.length : (readIn[index] as number));
  });
  const { buffers, bufferOf } = buffersFor(program, { known, places, stored, readIn, lastRead });
  const steps = computed.map(({ over, values, reductions }): Host | Loop =>
    over === "host"
      ? { over, values: values.map((index) => ({ index, compute: computeOf(at(index)) })) }
      : loopOf(program, places, over, { values, reductions, stored }),
  );
  return { program, steps, places, buffers, bufferOf, lastRead };
}

/** A buffer for every output and for what is stored meanwhile. */
function buffersFor(
  { instructions, outputs }: Program,
  {
    known,
    places,
    stored,
    readIn,
    lastRead,
  }: {
    known: ReadonlyMap<number, number>;
    places: readonly Place[];
    stored: ReadonlySet<number>;
    readIn: readonly number[];
    lastRead: ReadonlyMap<number, number>;
  },
): Pick<Passes, "buffers" | "bufferOf"> {
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

/** The kernel of a step: what its stored values and reductions need, and no more. */
function loopOf(
  { instructions }: Program,
  places: readonly Place[],
  over: "channel" | "element",
  {
    values,
    reductions,
    stored,
  }: { values: readonly number[]; reductions: readonly number[]; stored: ReadonlySet<number> },
): Loop {
  const own = new Set(values);
  const lines: Line[] = [];
  const lineOf = new Map<string, number>();
  const operands = { element: [] as number[], channel: [] as number[], scalar: [] as Scalar[] };

  function push(id: string, line: () => Line): number {
    const present = lineOf.get(id);
    if (present !== undefined) return present;
    const made = line();
    lineOf.set(id, lines.length);
    lines.push(made);
    return lines.length - 1;
  }

  function scalar(value: number, reciprocal = false): number {
    return push(`${reciprocal ? "1/" : "="}${value}`, () => ({
      op: "scalar",
      operand: operands.scalar.push({ value, reciprocal }) - 1,
    }));
  }

  function lineFor(index: number): number {
    if (places[index] === "host") return scalar(index);
    const { kind, operands: of } = instructions[index] as Instruction;
    if (!own.has(index)) {
      const from = places[index] === over ? "element" : "channel";
      return push(`${index}`, () => ({ op: from, operand: operands[from].push(index) - 1 }));
    }
    const [a, b] = of as [number, number];
    if (kind.op === "div" && places[b] === "host") {
      const [x, y] = [lineFor(a), scalar(b, true)];
      return push(`${index}`, () => ({ op: "mul", operands: [x, y] }));
    }
    // A reduction of what is already one number for everything it covers: `bind` gives the count.
    if (kind.op === "reduceSum") {
      const [x, y] = [lineFor(a), scalar(index)];
      return push(`${index}`, () => ({ op: "mul", operands: [x, y] }));
    }
    if (kind.op === "reduceMax") return lineFor(a);
    const made = of.map(lineFor);
    return push(`${index}`, () => ({ op: kind.op as OperationName, operands: made }));
  }

  const kernelReductions = reductions.map((index): Reduction => {
    const { kind, operands: of } = instructions[index] as Instruction;
    return {
      op: kind.op === "reduceSum" ? "sum" : "max",
      line: lineFor(of[0] as number),
      to: places[index] === "channel" ? "channel" : "tensor",
    };
  });
  const stores = values.filter((index) => stored.has(index));
  const kernel = { lines, stores: stores.map(lineFor), reductions: kernelReductions };
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
