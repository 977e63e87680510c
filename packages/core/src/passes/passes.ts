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
import type { Instruction, Program } from "../expression/program.js";
import { type Buffers, buffersFor, type Lifetimes } from "./buffers.js";
import { type Loop, loopOf } from "./loop.js";
import { type Place, placesOf } from "./place.js";
import { multiplying } from "./reciprocals.js";

/** Values that JavaScript computes, in this order. */
export interface Host {
  readonly over: "host";
  readonly values: readonly { readonly index: number; readonly compute: Compute }[];
}

/** A program cut into steps. */
export interface Passes extends Buffers {
  /** The program, as it is run; values are known by the index of their instruction. */
  readonly program: Program;
  readonly steps: readonly (Host | Loop)[];
  readonly places: readonly Place[];
  /** The number of the last step that reads an input's array. */
  readonly lastRead: ReadonlyMap<number, number>;
}

/** What one step computes. */
interface Step {
  readonly over: Place;
  readonly values: readonly number[];
  readonly reductions: readonly number[];
}

/**
 * Cuts a program into steps.
 *
 * @param inputs Where every input is: a number, one number per channel, or one per element.
 * @param oneChannel True where the whole tensor is one channel.
 */
export function passesOf(given: Program, inputs: ReadonlyMap<string, Place>, oneChannel: boolean): Passes {
  const program = multiplying(given, placesOf(given, inputs, oneChannel));
  const places = placesOf(program, inputs, oneChannel);
  const { computed, known } = scheduled(program, places);
  const lifetimes = lifetimesOf(program, places, known, computed.length);
  const steps = computed.map(({ over, values, reductions }): Host | Loop => {
    if (over !== "host") return loopOf(program, places, over, values, reductions, lifetimes.stored);
    const computeAt = (index: number): Compute => computeOf(program.instructions[index] as Instruction);
    return { over, values: values.map((index) => ({ index, compute: computeAt(index) })) };
  });
  return { program, steps, places, ...buffersFor(program, places, lifetimes), lastRead: lifetimes.lastRead };
}

const isReduction = ({ kind }: Instruction): boolean => kind.op === "reduceSum" || kind.op === "reduceMax";

/** Puts every value into the earliest step that can compute it. Inputs are known from the beginning, as if by step −1. */
function scheduled(
  { instructions }: Program,
  places: readonly Place[],
): { computed: readonly Step[]; known: ReadonlyMap<number, number> } {
  /** A reduction that a loop makes, over the channels or the elements; any other is arithmetic. */
  const reducesOver = (index: number): Place | undefined => {
    const instruction = instructions[index] as Instruction;
    if (!isReduction(instruction)) return undefined;
    const from = places[instruction.operands[0] as number];
    return from === places[index] ? undefined : from;
  };
  const known = new Map<number, number>();
  instructions.forEach(({ kind }, index) => {
    if (kind.op === "input") known.set(index, -1);
  });
  const computed: Step[] = [];
  while (known.size < instructions.length) {
    for (const over of ["host", "channel", "element"] as const) {
      const values = new Set<number>();
      const reductions: number[] = [];
      instructions.forEach(({ operands }, index) => {
        if (known.has(index) || !operands.every((operand) => known.has(operand) || values.has(operand))) return;
        if (reducesOver(index) === over) reductions.push(index);
        else if (!reducesOver(index) && places[index] === over) values.add(index);
      });
      if (values.size + reductions.length === 0) continue;
      for (const index of [...values, ...reductions]) known.set(index, computed.length);
      computed.push({ over, values: [...values], reductions });
      break;
    }
  }
  return { computed, known };
}

/** What is read in a later step than it is computed in, or is an output, is stored. An input that is also an output is read when all is done. */
function lifetimesOf(
  { instructions, outputs }: Program,
  places: readonly Place[],
  known: ReadonlyMap<number, number>,
  end: number,
): Lifetimes {
  const storable = (index: number): boolean => instructions[index]?.kind.op !== "input" && places[index] !== "host";
  const results = new Set(outputs.values());
  const stored = new Set([...results].filter(storable));
  const readIn = instructions.map(() => -1);
  instructions.forEach(({ operands }, index) => {
    const step = known.get(index) as number;
    for (const operand of operands) {
      readIn[operand] = Math.max(readIn[operand] as number, step);
      if (step > (known.get(operand) as number) && storable(operand)) stored.add(operand);
    }
  });
  const lastRead = new Map<number, number>();
  instructions.forEach(({ kind }, index) => {
    if (kind.op === "input") lastRead.set(index, results.has(index) ? end : (readIn[index] as number));
  });
  return { known, readIn, stored, lastRead };
}
