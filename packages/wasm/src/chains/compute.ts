/** Computing: values that were put off, in one pass over memory. */
import { moduleOf } from "../heap/assemble.js";
import { type Internals, isShared, memoryOf, type TensorData } from "../heap/internals.js";
import { type Reach, rowLength } from "./geometry.js";
import { type Kind, type Line, type Pass, textOf } from "./pass-text.js";
import { costOfAll, type Operand, pendingOf, sourcesOf, type Value } from "./value.js";

/** What others need as well is written down where it costs more than this to compute it again, or reads more arrays. */
const CHEAP = 12;
const FEW = 2;

/** Where all rows are the same, they are made this long at least by repeating them. */
const LONG = 256;

type Run = (...values: number[]) => void;

/** A pass over certain values. */
interface Work {
  readonly pass: Pass;
  readonly sources: readonly Operand[];
  readonly outputs: readonly Value[];
  readonly constants: readonly number[];
  /** Elements of a row, and how many times a source that is the same in every row is repeated for it. */
  readonly length: number;
  readonly copies: number;
}

/** What is written: the root, and what others will need and is dear. */
function outputsOf(root: Value, pending: readonly Value[]): Value[] {
  const within = new Set(pending);
  return pending.filter((value) => {
    if (value === root) return true;
    if (value.refs === 0 && [...value.users].every((user) => within.has(user))) return false;
    const own = pendingOf([value]);
    return costOfAll(own) > CHEAP || sourcesOf(own).size > FEW;
  });
}

function kindOf({ width, count }: Reach, size: number, length: number): Kind {
  if (count === 1) return "number";
  if (count === size) return "all";
  if (width > 1) return "splat";
  return count === length ? "row" : "part";
}

/** How many rows are made one. */
function copiesOf(size: number, length: number, sources: readonly Operand[]): number {
  const alike = sources.every(({ width, count }) => count === 1 || count === size || (width === 1 && count === length));
  if (!alike || length >= LONG) return 1;
  let copies = Math.ceil(LONG / length);
  while ((copies * length) % 4 !== 0) copies++;
  return Math.min(copies, size / length);
}

function workOf(root: Value, alone = false): Work {
  const pending = pendingOf([root]);
  const sources: Operand[] = [];
  const constants: number[] = [];
  const line = new Map(pending.map((value, i) => [value, i]));
  const sourceOf = ({ value, width, count }: Operand): number => {
    const same = (other: Operand) => other.value === value && other.width === width && other.count === count;
    const known = sources.findIndex(same);
    return known >= 0 ? known : sources.push({ value, width, count }) - 1;
  };
  // Sources have the first numbers, so all of them must be known before a line has one.
  const operands = pending.map(({ expression }) =>
    (expression?.operands ?? []).map((operand) => (operand.value.expression ? operand.value : sourceOf(operand))),
  );
  const lines = pending.map(({ expression }, i): Line => {
    const { operation, constants: own } = expression as NonNullable<Value["expression"]>;
    return {
      operation,
      operands: (operands[i] as (Value | number)[]).map((of) =>
        typeof of === "number" ? of : sources.length + (line.get(of) as number),
      ),
      constants: own.map((constant) => constants.push(constant) - 1),
    };
  });
  const outputs = alone ? [root] : outputsOf(root, pending);
  const length = rowLength(root.size, sources);
  const pass: Pass = {
    sources: sources.map((source) => ({
      kind: kindOf(source, root.size, length),
      boolean: source.value.dtype === "bool",
    })),
    lines,
    outputs: outputs.map((value) => ({ line: line.get(value) as number, boolean: value.dtype === "bool" })),
    constants: constants.length,
  };
  return { pass, sources, outputs, constants, length, copies: copiesOf(root.size, length, sources) };
}

const modules = new Map<string, WebAssembly.Module>();
const runs = new WeakMap<object, Map<string, Run>>();

/** The pass, compiled once for all tensors, and bound once to each backend. */
function runOf(backend: Internals, pass: Pass): Run {
  const memory = memoryOf(backend);
  const bound = runs.get(backend) ?? new Map<string, Run>();
  runs.set(backend, bound);
  const key = JSON.stringify(pass);
  const known = bound.get(key);
  if (known) return known;
  const shared = isShared(memory);
  const module = modules.get(shared + key) ?? moduleOf(textOf(pass, shared));
  modules.set(shared + key, module);
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  bound.set(key, exports.run as Run);
  return exports.run as Run;
}

/** The bytes of a source, side by side so many times. */
function repeated({ wasm }: Internals, { memoryOffset }: TensorData, bytes: number, copies: number): number {
  const at = wasm._malloc(bytes * copies) >>> 0;
  for (let copy = 0; copy < copies; copy++) {
    wasm.HEAPU8.copyWithin(at + copy * bytes, memoryOffset, memoryOffset + bytes);
  }
  return at;
}

/** Runs a pass as often as `use` does: on elements from one to another, given where each output's element 0 is. */
function launch(
  owned: Internals,
  work: Work,
  use: (run: (targets: readonly number[], from: number, to: number) => void) => void,
): void {
  const { wasm, dataIdMap } = owned;
  const { pass, sources, constants, length, copies } = work;
  const run = runOf(owned, pass);
  const scratch: number[] = [];
  try {
    const places = sources.flatMap(({ value, width, count }, i) => {
      const { kind, boolean } = pass.sources[i] as Pass["sources"][number];
      const data = dataIdMap.data.get(value.dataId) as TensorData;
      if (kind !== "row" || copies === 1) return [data.memoryOffset, width, count];
      const at = repeated(owned, data, boolean ? count : 4 * count, copies);
      scratch.push(at);
      return [at, width, count];
    });
    use((targets, from, to) => run(from, to, length * copies, ...targets, ...places, ...constants));
  } finally {
    for (const address of scratch) wasm._free(address);
  }
}

/**
 * Computes a value, and perhaps others on the way; all that are on the heap then and were not before. Where there is no room nothing has changed: `dispose` gives
 * up what was made until then.
 */
export function compute(owned: Internals, root: Value, dispose: (dataId: object) => void): readonly Value[] {
  const work = workOf(root);
  const { outputs } = work;
  const made: Value[] = [];
  try {
    for (const value of outputs) {
      owned.move(value.dataId, null, value.shape, value.dtype, 1);
      made.push(value);
    }
    const targets = outputs.map(({ dataId }) => (owned.dataIdMap.data.get(dataId) as TensorData).memoryOffset);
    launch(owned, work, (run) => run(targets, 0, root.size));
    made.length = 0;
    return outputs;
  } finally {
    for (const { dataId } of made) dispose(dataId);
  }
}

/** Pieces have about so many elements, so that they are still in the second cache when they are read, and at most so many. */
const PIECE = 2 ** 15;
const LARGEST = 2 ** 17;

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * Computes a value piece by piece for somebody who reads each once, and leaves it as it is: it takes no memory. A piece is so many times `granule` elements.
 * False where that is not possible.
 */
export function inPieces(
  owned: Internals,
  root: Value,
  granule: number,
  read: (address: number, from: number, to: number) => void,
): boolean {
  const work = workOf(root, true);
  // One row of everything can be begun anywhere.
  const row = work.length === root.size ? 1 : work.length * work.copies;
  const unit = (granule / gcd(granule, row)) * row;
  if (unit > LARGEST) return false;
  const piece = Math.min(root.size, unit * Math.max(1, Math.floor(PIECE / unit)));
  launch(owned, work, (run) => {
    const at = owned.wasm._malloc(4 * piece) >>> 0;
    try {
      for (let from = 0; from < root.size; from += piece) {
        const to = Math.min(from + piece, root.size);
        run([at - 4 * from], from, to);
        read(at, from, to);
      }
    } finally {
      owned.wasm._free(at);
    }
  });
  return true;
}
