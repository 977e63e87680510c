/**
 * The text of a kernel: a loop over rows, and what has to be done before and after all of them, and before and after each, for the reductions.
 */
import type { Kernel } from "@hypergrad/core/executors";
import { memoryImport } from "../heap/assemble.js";
import type { Mode } from "./frame.js";
import { rowText } from "./kernel-row.js";
import { KernelSheet } from "./kernel-sheet.js";
import { mathOf } from "./simd.js";
import { advance, get, i32, MINUS_INFINITY, maxOfLanes, set, slot, sumOfLanes, ZERO } from "./words.js";

/** Rows that a channel's float32 sum in memory adds up before it is added in float64. */
const ROWS = 128;

/** The addresses and numbers of the frame, and maxima that begin. */
function begin(sheet: KernelSheet): string {
  const { kernel, frame, elements, channels } = sheet;
  return [
    set("rows", `(i32.load ${slot(frame.rows)} ${get("frame")})`),
    set("length", `(i32.load ${slot(frame.length)} ${get("frame")})`),
    ...[...elements, ...channels].map(({ name, slot: at }) => set(name, `(i32.load ${slot(at)} ${get("frame")})`)),
    ...kernel.lines.flatMap((line, index) => {
      if (line.op !== "scalar") return [];
      const name = sheet.local(`v${index}`, "v128");
      return [set(name, `(v128.load32_splat ${slot(frame.scalars + line.operand)} ${get("frame")})`)];
    }),
    ...kernel.reductions.flatMap((reduction, r) =>
      reduction.op === "max" && sheet.inRegister(reduction)
        ? [set(sheet.local(`a${r}_0`, "v128"), MINUS_INFINITY)]
        : [],
    ),
  ].join("\n");
}

/** What has to be known before a row, where a row is a channel. */
function beforeRow(sheet: KernelSheet): string {
  if (sheet.mode !== "first") return "";
  return [
    ...sheet.kernel.lines.flatMap((line, index) =>
      line.op === "channel"
        ? [set(sheet.local(`v${index}`, "v128"), `(v128.load32_splat ${get(`c${line.operand}`)})`)]
        : [],
    ),
    ...sheet.perChannel.map(({ reduction, i }) =>
      reduction.op === "sum" ? set(sheet.local(`s${i}`, "v128"), ZERO) : set(`a${i}_0`, MINUS_INFINITY),
    ),
  ].join("\n");
}

/** The channel's results, where a row is a channel, and the addresses of the next one's. */
function nextChannel({ perChannel, channels }: KernelSheet): string[] {
  return [
    ...perChannel.map(({ reduction, i }) =>
      reduction.op === "sum"
        ? `(f64.store ${get(`d${i}`)} (f64.add (f64.load ${get(`d${i}`)}) ${sumOfLanes(get(`s${i}`))}))`
        : `(f32.store ${get(`r${i}`)} (f32.max (f32.load ${get(`r${i}`)}) ${maxOfLanes(get(`a${i}_0`))}))`,
    ),
    ...channels.map(({ name }) => advance(name, i32(name.startsWith("d") ? 8 : 4))),
  ];
}

/** The sums of some rows, in memory, added in float64; they begin anew. */
function flushChannels(sheet: KernelSheet): string {
  const content = sheet.perChannel
    .filter(({ reduction }) => reduction.op === "sum")
    .map(({ i }) => {
      const single = `(i32.add ${get(`r${i}`)} ${get("i")})`;
      const double = `(i32.add ${get(`d${i}`)} (i32.shl ${get("i")} ${i32(1)}))`;
      return `(f64.store ${double} (f64.add (f64.load ${double}) (f64.promote_f32 (f32.load ${single})))) (f32.store ${single} (f32.const 0))`;
    })
    .join("\n");
  return `${set("i", i32(0))} ${sheet.whileBelow(get("length"), 4, content)}`;
}

function afterRow(sheet: KernelSheet): string {
  const { mode, elements, perChannel } = sheet;
  const text = elements.map(({ name }) => advance(name, get("length")));
  if (mode === "first") text.push(...nextChannel(sheet));
  if (mode === "last" && perChannel.some(({ reduction }) => reduction.op === "sum")) {
    text.push(`(if (i32.eqz (i32.and ${get("rows")} ${i32(ROWS - 1)})) (then ${flushChannels(sheet)}))`);
  }
  return text.join("\n");
}

/** The results of what is reduced over the whole tensor, into the frame. */
function end({ kernel, frame }: KernelSheet): string {
  return kernel.reductions
    .flatMap((reduction, r) => {
      if (reduction.to === "channel") return [];
      const at = `${slot(frame.reductions + 2 * r)} ${get("frame")}`;
      const before = `(f64.load ${at})`;
      return reduction.op === "sum"
        ? [`(f64.store ${at} (f64.add ${before} ${sumOfLanes(get(`s${r}`))}))`]
        : [`(f64.store ${at} (f64.max ${before} (f64.promote_f32 ${maxOfLanes(get(`a${r}_0`))})))`];
    })
    .join("\n");
}

/** The kernel as WebAssembly text. */
export function textOf(kernel: Kernel, mode: Mode, shared: boolean): string {
  const sheet = new KernelSheet(kernel, mode);
  const first = begin(sheet);
  const last = end(sheet);
  const loop = `(if ${get("rows")} (then (loop $rows
    ${beforeRow(sheet)}
    ${rowText(sheet)}
    ${advance("rows", i32(-1))}
    ${afterRow(sheet)}
    (br_if $rows ${get("rows")}))))`;
  const { imports, functions } = mathOf(loop);
  return `(module
    ${memoryImport(shared)}
    ${imports}
    ${functions}
    (func (export "run") (param $frame i32)
      ${sheet.declarations}
      ${first}
      ${loop}
      ${last}))`;
}
