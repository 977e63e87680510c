/**
 * Bindings: everything about a program on tensors of one layout that stays the same from call to call.
 *
 * A program has a variant for every way in which its inputs are given (as a number, per channel, per element), and a variant a binding for every layout.
 */
import { countOf, type Grain, type Layout, type Program } from "@hypergrad/core/executors";
import type { Heap } from "./heap.js";
import { type FrameLayout, frameOf, type Mode } from "./kernel.js";
import { type Rows, rowsOf } from "./rows.js";
import { type Buffer, type Host, type Loop, type Place, type Schedule, scheduleOf } from "./schedule.js";

/** An input of a program. */
export interface Input {
  readonly name: string;
  /** The index of its value. */
  readonly index: number;
  readonly grain: Grain;
  /** True where the program has an output of that name that is not the input itself. */
  readonly replaced: boolean;
}

/** A program whose inputs are given in one certain way. */
export interface Variant {
  readonly schedule: Schedule;
  readonly bindings: WeakMap<Layout, Binding>;
}

/** A loop on tensors of one layout. */
export interface BoundLoop {
  readonly over: "channel" | "element";
  readonly loop: Loop;
  readonly frame: FrameLayout;
  readonly mode: Mode;
  /** How it walks over the channels; undefined for one that knows none. */
  readonly rows: Rows | undefined;
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
  readonly steps: readonly (Host | BoundLoop)[];
  /** Numbers that are known already, by the index of their value. */
  readonly numbers: ReadonlyMap<number, number>;
  /** Where the buffers are that hold one number per channel and are needed only meanwhile. */
  readonly meanwhile: ReadonlyMap<Buffer, number>;
  /** Bytes of scratch memory. */
  readonly scratch: number;
}

/** What is known of a program. */
export interface Known {
  readonly inputs: readonly Input[];
  /** By the ways in which the inputs are given, as a number; undefined for one that cannot be run. */
  readonly variants: Map<number, Variant | undefined>;
}

const programs = new WeakMap<Program, Known>();

/** What is known of a program: at first its inputs. */
export function knownOf(program: Program): Known {
  const known = programs.get(program);
  if (known) return known;
  const inputs = program.instructions.flatMap(({ kind, grain }, index): Input[] => {
    if (kind.op !== "input") return [];
    const output = program.outputs.get(kind.name);
    return [{ name: kind.name, index, grain, replaced: output !== undefined && output !== index }];
  });
  const made: Known = { inputs, variants: new Map() };
  programs.set(program, made);
  return made;
}

/** A variant of the program. */
export function variantOf(program: Program, places: ReadonlyMap<string, Place>, { channels }: Layout): Variant {
  return { schedule: scheduleOf(program, places, channels === 1), bindings: new WeakMap() };
}

const align = (bytes: number): number => (bytes + 15) & ~15;

/** True for a loop that has to know which channel an element belongs to. */
const knowsChannels = ({ over, kernel, channels }: Loop): boolean =>
  over === "element" && (channels.length > 0 || kernel.reductions.some(({ to }) => to === "channel"));

/**
 * The variant on tensors of this layout; its kernels are compiled.
 *
 * @throws Error where a kernel does not compile.
 */
export function bindingOf({ instructions }: Program, { schedule, bindings }: Variant, layout: Layout, heap: Heap): Binding {
  const known = bindings.get(layout);
  if (known) return known;
  const numbers = new Map<number, number>();
  /** How many elements each of the numbers stands for that a sum adds up. */
  const factorOf = (index: number): number => {
    const { kind, operands } = instructions[index] as Program["instructions"][number];
    const coarse = kind.op === "reduceSum" && kind.from === "element" && schedule.places[operands[0] as number] === "channel";
    return coarse ? countOf(layout, "element", "channel") : 1;
  };
  instructions.forEach(({ kind, operands }, index) => {
    if (kind.op === "constant") numbers.set(index, kind.value);
    if (kind.op === "count") numbers.set(index, countOf(layout, kind.of, kind.per));
    const place = schedule.places[index];
    // Every channel's sum of what is one number per channel already.
    if (kind.op === "reduceSum" && place === "channel" && schedule.places[operands[0] as number] === place) {
      numbers.set(index, factorOf(index));
    }
  });

  const loops = schedule.steps.filter((step): step is Loop => step.over !== "host");
  const frames = loops.map(({ kernel }) => frameOf(kernel));
  let used = align(8 * Math.max(0, ...frames.map(({ slots }) => slots)));
  const take = (bytes: number): number => {
    const at = used;
    used += align(bytes);
    return at;
  };
  const meanwhile = new Map(
    schedule.buffers
      .filter(({ over, output }) => over === "channel" && output === undefined)
      .map((buffer) => [buffer, take(4 * layout.channels)] as const),
  );
  // What a loop alone needs may stand where another's did.
  const start = used;
  let scratch = used;
  const bound = new Map(
    loops.map((loop, i) => {
      const rows = knowsChannels(loop) ? rowsOf(layout) : undefined;
      const mode = rows?.mode ?? "flat";
      heap.kernel(loop.key, loop.kernel, mode);
      const cells = layout.channels * (rows?.copies ?? 1);
      const repeat = rows !== undefined && rows.copies > 1;
      used = start;
      const { reductions } = loop.kernel;
      const boundLoop: BoundLoop = {
        over: loop.over,
        loop,
        frame: frames[i] as FrameLayout,
        mode,
        rows,
        repeated: loop.channels.map(() => (repeat ? take(4 * rows.channels * rows.copies) : undefined)),
        partial: reductions.map(({ to }) => (to === "channel" ? take(4 * cells) : 0)),
        total: reductions.map(({ to, op }) => (to === "channel" && op === "sum" ? take(8 * cells) : 0)),
        factors: loop.reductions.map(factorOf),
      };
      scratch = Math.max(scratch, used);
      return [loop, boundLoop] as const;
    }),
  );
  const binding: Binding = {
    steps: schedule.steps.map((step) => (step.over === "host" ? step : (bound.get(step) as BoundLoop))),
    numbers,
    meanwhile,
    scratch,
  };
  bindings.set(layout, binding);
  return binding;
}
