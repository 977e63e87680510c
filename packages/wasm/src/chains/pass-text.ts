/** The text of a pass: the loop that computes some values of others, one after the other in memory. */
import { memoryImport } from "../heap/assemble.js";
import { add, each, floats, locals, loop, min, params, set, sub } from "../kernels/wat.js";
import { instructions, type Operation } from "./operations.js";

/**
 * How the numbers of a source are read: "number" is one for all, "splat" one for each row, "row" the same in every row, "part" a part of them in each row, and
 * "all" one for each element.
 */
export type Kind = "number" | "splat" | "row" | "part" | "all";

interface Source {
  readonly kind: Kind;
  readonly boolean: boolean;
}

/** One operation: its operands are sources, by their number, or what lines before it gave, after those; and constants. */
export interface Line {
  readonly operation: Operation;
  readonly operands: readonly number[];
  readonly constants: readonly number[];
}

/** What a pass does; tensors and numbers are left open. */
export interface Pass {
  readonly sources: readonly Source[];
  readonly lines: readonly Line[];
  readonly outputs: readonly { readonly line: number; readonly boolean: boolean }[];
  readonly constants: number;
}

const get = (name: string): string => `(local.get $${name})`;
const ZERO = "(v128.const i32x4 0 0 0 0)";

/** How four numbers, or one of the rest of a row, are read and written. */
interface Access {
  readonly load: (address: string) => string;
  readonly store: (address: string, value: string) => string;
  readonly loadMask: (address: string) => string;
  readonly storeMask: (address: string, mask: string) => string;
}

/** A boolean is a byte, 0 or 1. */
const bytesOf = (mask: string): string =>
  `(i8x16.shuffle 0 4 8 12 0 4 8 12 0 4 8 12 0 4 8 12 ${`(v128.and ${mask} (v128.const i32x4 1 1 1 1))`} ${ZERO})`;

const four: Access = {
  load: (address) => `(v128.load align=4 ${address})`,
  store: (address, value) => `(v128.store align=4 ${address} ${value})`,
  loadMask: (address) =>
    `(i32x4.ne (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_splat align=1 ${address}))) ${ZERO})`,
  storeMask: (address, mask) => `(v128.store32_lane align=1 0 ${address} ${bytesOf(mask)})`,
};

const one: Access = {
  load: (address) => `(v128.load32_splat ${address})`,
  store: (address, value) => `(v128.store32_lane 0 ${address} ${value})`,
  loadMask: (address) => `(i32x4.ne (v128.load8_splat ${address}) ${ZERO})`,
  storeMask: (address, mask) => `(v128.store8_lane 0 ${address} ${bytesOf(mask)})`,
};

/** So many numbers, or booleans, as bytes. */
const bytes = (boolean: boolean, count: string): string => (boolean ? count : floats(count));

/** What one step of a row does; `o` is its first element. */
function stepText({ sources, lines, outputs }: Pass, access: Access): string {
  const text = sources.flatMap(({ kind, boolean }, i) => {
    if (kind === "number" || kind === "splat") return [];
    const from = add(`p${i}`, bytes(boolean, get("o")));
    return [`(local.set $v${i} ${boolean ? access.loadMask(from) : access.load(from)})`];
  });
  lines.forEach(({ operation, operands, constants }, i) => {
    const names = [
      ...operands.map((operand) => get(`v${operand}`)),
      ...constants.map((constant) => get(`k${constant}`)),
    ];
    text.push(`(local.set $v${sources.length + i} ${instructions[operation](...names)})`);
  });
  outputs.forEach(({ line, boolean }, i) => {
    const [to, value] = [add(`q${i}`, bytes(boolean, get("o"))), get(`v${sources.length + line}`)];
    text.push(boolean ? access.storeMask(to, value) : access.store(to, value));
  });
  return text.join("\n");
}

/** Where a row begins in what is read and written. */
function rowText({ sources, outputs }: Pass): string {
  const text = sources.flatMap(({ kind, boolean }, i) => {
    const from = (count: string) => add(`s${i}`, bytes(boolean, count));
    const cell = `(i32.rem_u (i32.div_u ${get("at")} ${get(`w${i}`)}) ${get(`c${i}`)})`;
    if (kind === "number") return [];
    if (kind === "splat") {
      return [`(local.set $v${i} ${boolean ? one.loadMask(from(cell)) : one.load(from(cell))})`];
    }
    if (kind === "row") return [set(`p${i}`, `s${i}`)];
    return [set(`p${i}`, from(kind === "part" ? `(i32.rem_u ${get("at")} ${get(`c${i}`)})` : get("at")))];
  });
  return [...text, ...outputs.map(({ boolean }, i) => set(`q${i}`, add(`r${i}`, bytes(boolean, get("at")))))].join(
    "\n",
  );
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The parameters of the pass in their order: the first element and the end, elements of a row; addresses of outputs; each source's address, width and count; constants. */
export function textOf(pass: Pass, shared: boolean): string {
  const { sources, lines, outputs, constants } = pass;
  const all = numbers(sources.length);
  const once = sources.flatMap(({ kind, boolean }, i) =>
    kind === "number" ? [`(local.set $v${i} ${(boolean ? one.loadMask : one.load)(get(`s${i}`))})`] : [],
  );
  const names = [
    ...["start", "n", "length"],
    ...outputs.map((_, i) => `r${i}`),
    ...all.flatMap((i) => [`s${i}`, `w${i}`, `c${i}`]),
  ];
  return `(module ${memoryImport(shared)}
    (func (export "run") ${params(names.join(" "))} ${each(numbers(constants), (i) => `(param $a${i} f32)`)}
      ${locals(["at", "o", "m", ...all.map((i) => `p${i}`), ...outputs.map((_, i) => `q${i}`)].join(" "))}
      ${each(numbers(sources.length + lines.length), (i) => `(local $v${i} v128)`)}
      ${each(numbers(constants), (i) => `(local $k${i} v128)`)}
      ${each(numbers(constants), (i) => `(local.set $k${i} (f32x4.splat ${get(`a${i}`)}))`)}
      ${once.join("\n")}
      ${loop(
        ...(["at", "start", "n", "length"] as const),
        `${set("m", min("length", sub("n", "at")))}
        ${rowText(pass)}
        ${loop("o", 0, sub("m", 3), 4, stepText(pass, four))}
        ${loop("o", "o", "m", 1, stepText(pass, one))}`,
      )}))`;
}
