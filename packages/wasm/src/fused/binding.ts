/**
 * Bindings: everything about a program on tensors of one layout that stays the same from call to call.
 *
 * A program has a variant for every way in which its inputs are given (as a number, per channel, per element), and a variant a binding for every layout.
 */
import {
  type Buffer,
  countOf,
  type Grain,
  type Host,
  type Layout,
  type Loop,
  type Passes,
  type Place,
  type Program,
  passesOf,
} from "@hypergrad/core/executors";
import type { Heap } from "../heap/heap.js";
import { type FrameLayout, frameOf } from "./frame.js";
import { kernelFor, type Run } from "./kernels.js";
import { flatWalk, PIECE, rowsWalk, type Walk } from "./rows.js";

/** An input of a program. */
export interface Input {
  readonly name: string;
  readonly grain: Grain;
  /** True where the program has an output of that name that is not the input itself. */
  readonly replaced: boolean;
}

/** An output of a program: in a buffer, an input, or a number; by its number among those. */
interface Output {
  readonly name: string;
  readonly in: "buffer" | "input" | "number";
  readonly at: number;
}

/** A program whose inputs are given in one certain way. */
export interface Variant {
  readonly passes: Passes;
  /** The index of every input's value, and the last step that reads its array. */
  readonly inputs: readonly { readonly index: number; readonly lastRead: number }[];
  /** For every buffer, the input that its output replaces; −1 where there is none. */
  readonly replaced: readonly number[];
  readonly outputs: readonly Output[];
  readonly bindings: WeakMap<Layout, Binding>;
  /** Room for a call's numbers and addresses, by the index of their value. */
  readonly numbers: Float64Array;
  readonly addresses: Float64Array;
  /** And for its buffers' addresses. */
  readonly starts: Float64Array;
}

/** A loop on tensors of one layout. */
export interface BoundLoop {
  readonly over: "channel" | "element";
  readonly loop: Loop;
  readonly frame: FrameLayout;
  readonly kernel: Run;
  readonly walk: Walk;
  /** How many calls are prepared at once: each has a frame of its own. */
  readonly frames: number;
  /** How many calls are worth a thread's while. */
  readonly grain: number;
  /** For every operand per channel: where its numbers are repeated side by side; undefined where they are read as they are. */
  readonly repeated: readonly (number | undefined)[];
  /** For every reduction per channel: where its float32 numbers are, and its float64 ones. */
  readonly partial: readonly number[];
  readonly total: readonly number[];
  /** For every reduction: what its result is multiplied by, as what was reduced stands for several elements. */
  readonly factors: readonly number[];
}

/** A variant on tensors of one layout. Places are in bytes from the beginning of the scratch memory. */
export interface Binding {
  readonly heap: Heap;
  readonly steps: readonly (Host | BoundLoop)[];
  /** Numbers that are known already, by the index of their value. */
  readonly numbers: readonly { readonly index: number; readonly value: number }[];
  /** Where the buffers are that are needed only meanwhile. */
  readonly meanwhile: ReadonlyMap<Buffer, number>;
  /** Bytes of scratch memory. */
  readonly scratch: number;
}

/** The places of a program's inputs: a digit for each, as a number where it can hold them all. */
export type VariantKey = number | string;

/** What is known of a program. */
export interface Known {
  readonly inputs: readonly Input[];
  /** By the ways in which the inputs are given; for one that cannot be run, why. */
  readonly variants: Map<VariantKey, Variant | string>;
}

const programs = new WeakMap<Program, Known>();

/** What is known of a program: at first its inputs. */
export function knownOf(program: Program): Known {
  const known = programs.get(program);
  if (known) return known;
  const inputs = program.instructions.flatMap(({ kind, grain }, index): Input[] => {
    if (kind.op !== "input") return [];
    const output = program.outputs.get(kind.name);
    return [{ name: kind.name, grain, replaced: output !== undefined && output !== index }];
  });
  const made: Known = { inputs, variants: new Map() };
  programs.set(program, made);
  return made;
}

/** A variant of the program: its inputs are given in these places. */
export function variantOf(
  program: Program,
  { inputs: named }: Known,
  places: readonly Place[],
  { channels }: Layout,
): Variant {
  const given = new Map(named.map(({ name }, i) => [name, places[i] as Place]));
  const passes = passesOf(program, given, channels === 1);
  const { instructions, outputs } = passes.program;
  const inputs = named.map(({ name }) => {
    const index = instructions.findIndex(({ kind }) => kind.op === "input" && kind.name === name);
    return { index, lastRead: passes.lastRead.get(index) as number };
  });
  const position = (index: number): number => inputs.findIndex((input) => input.index === index);
  return {
    passes,
    inputs,
    replaced: passes.buffers.map(({ replaces }) => position(replaces)),
    outputs: [...outputs].map(([name, index]): Output => {
      const buffer = passes.bufferOf.get(index);
      if (buffer !== undefined) return { name, in: "buffer", at: buffer };
      const input = passes.places[index] === "host" ? -1 : position(index);
      return input >= 0 ? { name, in: "input", at: input } : { name, in: "number", at: index };
    }),
    bindings: new WeakMap(),
    numbers: new Float64Array(instructions.length),
    addresses: new Float64Array(instructions.length),
    starts: new Float64Array(passes.buffers.length),
  };
}

const align = (bytes: number): number => 16 * Math.ceil(bytes / 16);

/** True for a loop that has to know which channel an element belongs to. */
const knowsChannels = ({ over, kernel, channels }: Loop): boolean =>
  over === "element" && (channels.length > 0 || kernel.reductions.some(({ to }) => to === "channel"));

/** How many elements each of a value's numbers stands for that a sum adds up. */
function factorOf({ program, places }: Passes, layout: Layout, index: number): number {
  const { kind, operands } = program.instructions[index] as Program["instructions"][number];
  const coarse = kind.op === "reduceSum" && kind.from === "element" && places[operands[0] as number] === "channel";
  return coarse ? countOf(layout, "element", "channel") : 1;
}

/** Every channel's sum of what is one number per channel already: known without a step. */
function knownNumbers(passes: Passes, layout: Layout): Binding["numbers"] {
  const { program, places } = passes;
  return program.instructions.flatMap(({ kind, operands }, index) =>
    kind.op === "reduceSum" && places[index] === "channel" && places[operands[0] as number] === "channel"
      ? [{ index, value: factorOf(passes, layout, index) }]
      : [],
  );
}

/** Scratch memory that is taken piece by piece; what is given back at once can be taken again. */
class Scratch {
  private used = 0;
  /** The most that was in use. */
  most = 0;

  take(bytes: number): number {
    const at = this.used;
    this.used += align(bytes);
    this.most = Math.max(this.most, this.used);
    return at;
  }

  /** What `use` makes; the pieces that it takes are free again after it. */
  meanwhile<T>(use: () => T): T {
    const before = this.used;
    const made = use();
    this.used = before;
    return made;
  }
}

/** The most frames at a time. */
const FRAMES = 256;

/** How the loop walks over tensors of this layout. */
function walkOf(loop: Loop, layout: Layout): Walk {
  const { reductions } = loop.kernel;
  if (knowsChannels(loop))
    return rowsWalk(
      layout,
      reductions.some(({ to }) => to === "channel"),
    );
  return flatWalk(loop.over === "channel" ? layout.channels : layout.size);
}

const framesOf = ({ calls, together }: Walk): number => (together ? Math.min(FRAMES, calls.length) : 1);

/** A loop with its kernel, compiled, and its pieces of the scratch memory. */
function boundLoop(passes: Passes, loop: Loop, walk: Walk, layout: Layout, heap: Heap, scratch: Scratch): BoundLoop {
  const { rows, calls } = walk;
  const cells = layout.channels * (rows?.copies ?? 1);
  const repeat = rows !== undefined && rows.copies > 1;
  const { reductions } = loop.kernel;
  return {
    over: loop.over,
    loop,
    frame: frameOf(loop.kernel),
    kernel: kernelFor(heap, loop.key, loop.kernel, rows?.mode ?? "flat"),
    walk,
    frames: framesOf(walk),
    grain: Math.max(1, Math.floor((PIECE * calls.length) / layout.size)),
    repeated: loop.channels.map(() => (repeat ? scratch.take(4 * rows.channels * rows.copies) : undefined)),
    partial: reductions.map(({ to }) => (to === "channel" ? scratch.take(4 * cells) : 0)),
    total: reductions.map(({ to, op }) => (to === "channel" && op === "sum" ? scratch.take(8 * cells) : 0)),
    factors: loop.reductions.map((index) => factorOf(passes, layout, index)),
  };
}

/**
 * The variant on tensors of this layout; its kernels are compiled.
 *
 * @throws Error where a kernel does not compile.
 */
export function bindingOf({ passes, bindings }: Variant, layout: Layout, heap: Heap): Binding {
  const known = bindings.get(layout);
  if (known?.heap === heap) return known;
  const { steps, buffers } = passes;
  const scratch = new Scratch();
  const walks = steps.map((step) => (step.over === "host" ? undefined : walkOf(step, layout)));
  // Frames are at the beginning, those of one step after those of another in the same place.
  const slots = steps.map((step, i) =>
    step.over === "host" ? 0 : frameOf(step.kernel).slots * framesOf(walks[i] as Walk),
  );
  scratch.take(8 * Math.max(0, ...slots));
  const inner = buffers.filter(({ output }) => output === undefined);
  const meanwhile = new Map(
    inner.map((buffer) => [buffer, scratch.take(4 * (buffer.over === "element" ? layout.size : layout.channels))]),
  );
  const binding: Binding = {
    heap,
    // What a loop alone needs may stand where another's did.
    steps: steps.map((step, i) =>
      step.over === "host"
        ? step
        : scratch.meanwhile(() => boundLoop(passes, step, walks[i] as Walk, layout, heap, scratch)),
    ),
    numbers: knownNumbers(passes, layout),
    meanwhile,
    scratch: scratch.most,
  };
  bindings.set(layout, binding);
  return binding;
}
