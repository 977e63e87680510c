/** One row of a kernel: loops over blocks of unrolled vectors, single vectors, and single numbers. */
import type { Line, OperationName, Reduction } from "@hypergrad/core/executors";
import type { KernelSheet } from "./kernel-sheet.js";
import { comparisons, simd } from "./simd.js";
import { FIRST_LANE, get, i32, ONE, promoted, set, ZERO } from "./words.js";

/** Vectors that one float32 accumulator adds up before its sum is added in float64. */
const BLOCK = 256;

const combine = ({ op }: Reduction, a: string, b: string): string =>
  `(f32x4.${op === "sum" ? "add" : "max"} ${a} ${b})`;

/** How one vector is moved, or where `lane` is true one number, at i plus 16 bytes for every copy before. */
interface Moves {
  load(name: string): string;
  store(name: string, value: string): string;
}

function moves(copy: number, lane: boolean): Moves {
  const offset = `offset=${16 * copy}`;
  const at = (name: string): string => `(i32.add ${get(name)} ${get("i")})`;
  return {
    load: (name) => `(v128.${lane ? "load32_splat" : "load"} ${offset} ${at(name)})`,
    store: (name, value) =>
      `(v128.${lane ? "store32_lane" : "store"} ${offset} ${lane ? "0" : ""} ${at(name)} ${value})`,
  };
}

const isMask = ({ kernel }: KernelSheet, line: number): boolean =>
  comparisons.includes(kernel.lines[line]?.op as OperationName);

/** The value of a line; nothing where it is known before the row. */
function lineText(sheet: KernelSheet, line: Line, index: number, { load }: Moves): string {
  const name = sheet.local(`v${index}`, "v128");
  if (line.op === "element") return set(name, load(`e${line.operand}`));
  if (line.op === "channel") return sheet.mode === "first" ? "" : set(name, load(`c${line.operand}`));
  if (line.op === "scalar") return "";
  const { op, operands } = line as { op: OperationName; operands: readonly number[] };
  const values = operands.map((operand) => get(`v${operand}`));
  // A condition that comes from outside is 0 or 1.
  if (op === "select" && !isMask(sheet, operands[0] as number)) values[0] = `(f32x4.ne ${values[0]} ${ZERO})`;
  return set(name, simd[op](...values));
}

/** What a reduction takes of a vector, or of a number. */
function reductionText(sheet: KernelSheet, r: number, copy: number, lane: boolean, { load, store }: Moves): string {
  const reduction = sheet.kernel.reductions[r] as Reduction;
  const value = get(`v${reduction.line}`);
  if (!sheet.inRegister(reduction)) return store(`r${r}`, combine(reduction, load(`r${r}`), value));
  const name = sheet.local(`a${r}_${reduction.op === "sum" ? copy : 0}`, "v128");
  const masked = lane && reduction.op === "sum" ? `(v128.and ${value} ${FIRST_LANE})` : value;
  return set(name, combine(reduction, get(name), masked));
}

/** One vector, or where `lane` is true one number: its lines, then what is reduced, then what is stored. */
function body(sheet: KernelSheet, copy: number, lane: boolean): string {
  const { lines, reductions, stores } = sheet.kernel;
  const move = moves(copy, lane);
  return [
    ...lines.map((line, index) => lineText(sheet, line, index, move)),
    ...reductions.map((_, r) => reductionText(sheet, r, copy, lane, move)),
    ...stores.map((line, i) => {
      const value = get(`v${line}`);
      return move.store(`w${i}`, isMask(sheet, line) ? `(v128.and ${value} ${ONE})` : value);
    }),
  ]
    .filter(Boolean)
    .join("\n");
}

/** The blocks' sums of all accumulators, added in float64; they begin anew. */
function flush(sheet: KernelSheet): string {
  const { kernel, unroll } = sheet;
  return kernel.reductions
    .flatMap((reduction, r) =>
      reduction.op === "sum" && sheet.inRegister(reduction)
        ? Array.from({ length: unroll }, (_, copy) => {
            const total = sheet.local(`s${r}`, "v128");
            const accumulator = sheet.local(`a${r}_${copy}`, "v128");
            return `${set(total, `(f64x2.add ${get(total)} ${promoted(get(accumulator))})`)} ${set(accumulator, ZERO)}`;
          })
        : [],
    )
    .join("\n");
}

/** A loop to `end` in blocks, after each of which the sums are added in float64. */
function blocks(sheet: KernelSheet, content: string): string {
  const label = sheet.label("blocks");
  const next = `(i32.add ${get("i")} ${i32(16 * sheet.unroll * BLOCK)})`;
  return `(if (i32.lt_u ${get("i")} ${get("end")}) (then (loop ${label}
      ${set("stop", `(select ${next} ${get("end")} (i32.lt_u ${next} ${get("end")}))`)}
      ${sheet.whileBelow(get("stop"), 16 * sheet.unroll, content)}
      ${flush(sheet)}
      (br_if ${label} (i32.lt_u ${get("i")} ${get("end")})))))`;
}

/** The row. */
export function rowText(sheet: KernelSheet): string {
  const { unroll, sums } = sheet;
  const unrolled = Array.from({ length: unroll }, (_, copy) => body(sheet, copy, false)).join("\n");
  const text = [set("i", i32(0))];
  if (unroll > 1) {
    const whole = `(i32.and ${get("length")} ${i32(-16 * unroll)})`;
    text.push(set("end", whole), sums ? blocks(sheet, unrolled) : sheet.whileBelow(get("end"), 16 * unroll, unrolled));
  }
  const vectors = body(sheet, 0, false);
  text.push(
    set("end", `(i32.and ${get("length")} ${i32(-16)})`),
    sums && unroll === 1 ? blocks(sheet, vectors) : sheet.whileBelow(get("end"), 16, vectors),
    sheet.whileBelow(get("length"), 4, body(sheet, 0, true)),
    flush(sheet),
  );
  return text.join("\n");
}
