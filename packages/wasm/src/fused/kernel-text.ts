/**
 * The text of a kernel: a loop over rows, in each of them loops over unrolled vectors, single vectors and single numbers, and what has to
 * be done before and after a row for its reductions.
 */
import type { Kernel, Line, OperationName, Reduction } from "@hypergrad/core/executors";
import { memoryImport } from "../heap/assemble.js";
import { frameOf, type Mode } from "./frame.js";
import { comparisons, mathOf, simd } from "./simd.js";

/** Vectors that one float32 accumulator adds up before its sum is added in float64. */
const BLOCK = 256;
/** Rows that a channel's float32 sum in memory adds up before the same. */
const ROWS = 128;

const ZERO = "(v128.const i32x4 0 0 0 0)";
const MINUS_INFINITY = "(v128.const f32x4 -inf -inf -inf -inf)";
const ONE = "(v128.const f32x4 1 1 1 1)";
const FIRST_LANE = "(v128.const i32x4 -1 0 0 0)";

const get = (name: string): string => `(local.get $${name})`;
const set = (name: string, value: string): string => `(local.set $${name} ${value})`;
const i32 = (value: number): string => `(i32.const ${value})`;
const advance = (name: string, bytes: string): string => set(name, `(i32.add ${get(name)} ${bytes})`);
const combine = ({ op }: Reduction, a: string, b: string): string =>
  `(f32x4.${op === "sum" ? "add" : "max"} ${a} ${b})`;
/** Lane by lane: the sum of both halves of a vector of float32 in float64. */
const promoted = (vector: string): string =>
  `(f64x2.add (f64x2.promote_low_f32x4 ${vector}) (f64x2.promote_low_f32x4 (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 ${vector} ${vector})))`;
const sumOfLanes = (vector: string): string =>
  `(f64.add (f64x2.extract_lane 0 ${vector}) (f64x2.extract_lane 1 ${vector}))`;
const maxOfLanes = (vector: string): string =>
  [1, 2, 3].reduce(
    (m, lane) => `(f32.max ${m} (f32x4.extract_lane ${lane} ${vector}))`,
    `(f32x4.extract_lane 0 ${vector})`,
  );

/** The kernel as WebAssembly text. */
export function textOf(kernel: Kernel, mode: Mode, shared: boolean): string {
  const { lines, stores, reductions } = kernel;
  const frame = frameOf(kernel);
  const locals = new Map<string, string>([
    ["i", "i32"],
    ["rows", "i32"],
    ["length", "i32"],
    ["stop", "i32"],
    ["end", "i32"],
  ]);
  const local = (name: string, type: string): string => {
    locals.set(name, type);
    return name;
  };
  const slot = (index: number): string => `offset=${8 * index}`;
  const operands = (op: Line["op"]): number[] =>
    lines.flatMap((line) => (line.op === op ? [(line as { operand: number }).operand] : []));

  /** Reductions whose running value is in a register: all but those of every channel of a row. */
  const inRegister = ({ to }: Reduction): boolean => to === "tensor" || mode === "first";
  const sums = reductions.some((reduction) => reduction.op === "sum" && inRegister(reduction));
  // An addition waits for the one before it; two sums side by side do not wait for each other. In every kernel as many, so that a sum rounds alike
  // whatever else is computed beside it.
  const unroll = sums ? 2 : 1;

  const addresses = [
    ...operands("element").map((i) => ({ name: local(`e${i}`, "i32"), slot: frame.elements + i })),
    ...stores.map((_, i) => ({ name: local(`w${i}`, "i32"), slot: frame.stores + i })),
  ];
  const channelAddresses = operands("channel").map((i) => ({ name: local(`c${i}`, "i32"), slot: frame.channels + i }));
  const perChannel = reductions.flatMap((reduction, i) => (reduction.to === "channel" ? [{ reduction, i }] : []));
  for (const { i } of perChannel) {
    channelAddresses.push({ name: local(`r${i}`, "i32"), slot: frame.reductions + 2 * i });
    channelAddresses.push({ name: local(`d${i}`, "i32"), slot: frame.reductions + 2 * i + 1 });
  }

  const isMask = (line: number): boolean => comparisons.includes(lines[line]?.op as OperationName);

  /** One vector, or where `lane` is true one number, at i plus `at` bytes. */
  function body(copy: number, lane: boolean): string {
    const offset = `offset=${16 * copy}`;
    const at = (name: string): string => `(i32.add ${get(name)} ${get("i")})`;
    const load = (name: string): string => `(v128.${lane ? "load32_splat" : "load"} ${offset} ${at(name)})`;
    const store = (name: string, value: string): string =>
      `(v128.${lane ? "store32_lane" : "store"} ${offset} ${lane ? "0" : ""} ${at(name)} ${value})`;
    const text = lines.map((line, index) => {
      const name = local(`v${index}`, "v128");
      if (line.op === "element") return set(name, load(`e${line.operand}`));
      if (line.op === "channel") return mode === "first" ? "" : set(name, load(`c${line.operand}`));
      if (line.op === "scalar") return "";
      const { op, operands: of } = line as { op: OperationName; operands: readonly number[] };
      const values = of.map((operand) => get(`v${operand}`));
      // A condition that comes from outside is 0 or 1.
      if (op === "select" && !isMask(of[0] as number)) values[0] = `(f32x4.ne ${values[0]} ${ZERO})`;
      return set(name, simd[op](...values));
    });
    reductions.forEach((reduction, r) => {
      const value = get(`v${reduction.line}`);
      if (!inRegister(reduction)) {
        text.push(store(`r${r}`, combine(reduction, load(`r${r}`), value)));
        return;
      }
      const name = local(`a${r}_${reduction.op === "sum" ? copy : 0}`, "v128");
      const masked = lane && reduction.op === "sum" ? `(v128.and ${value} ${FIRST_LANE})` : value;
      text.push(set(name, combine(reduction, get(name), masked)));
    });
    stores.forEach((line, i) => {
      text.push(store(`w${i}`, isMask(line) ? `(v128.and ${get(`v${line}`)} ${ONE})` : get(`v${line}`)));
    });
    return text.filter(Boolean).join("\n");
  }

  const whileBelow = (limit: string, step: number, content: string): string => {
    const label = `$l${loops++}`;
    return `(if (i32.lt_u ${get("i")} ${limit}) (then (loop ${label}
      ${content}
      ${advance("i", i32(step))}
      (br_if ${label} (i32.lt_u ${get("i")} ${limit})))))`;
  };
  let loops = 0;

  /** The blocks' sums of all accumulators, added in float64; they begin anew. */
  const flush = (): string =>
    reductions
      .flatMap((reduction, r) =>
        reduction.op === "sum" && inRegister(reduction)
          ? Array.from({ length: unroll }, (_, copy) => {
              const total = local(`s${r}`, "v128");
              const accumulator = local(`a${r}_${copy}`, "v128");
              return `${set(total, `(f64x2.add ${get(total)} ${promoted(get(accumulator))})`)} ${set(accumulator, ZERO)}`;
            })
          : [],
      )
      .join("\n");

  /** A loop to `end` in blocks, after each of which the sums are added in float64. */
  function blocks(content: string): string {
    const label = `$blocks${loops++}`;
    const next = `(i32.add ${get("i")} ${i32(16 * unroll * BLOCK)})`;
    return `(if (i32.lt_u ${get("i")} ${get("end")}) (then (loop ${label}
      ${set("stop", `(select ${next} ${get("end")} (i32.lt_u ${next} ${get("end")}))`)}
      ${whileBelow(get("stop"), 16 * unroll, content)}
      ${flush()}
      (br_if ${label} (i32.lt_u ${get("i")} ${get("end")})))))`;
  }

  /** A row: blocks of unrolled vectors, single vectors, single numbers. */
  function row(): string {
    const unrolled = Array.from({ length: unroll }, (_, copy) => body(copy, false)).join("\n");
    const vectors = `(i32.and ${get("length")} ${i32(-16)})`;
    const text = [set("i", i32(0))];
    if (unroll > 1) {
      const whole = `(i32.and ${get("length")} ${i32(-16 * unroll)})`;
      text.push(set("end", whole), sums ? blocks(unrolled) : whileBelow(get("end"), 16 * unroll, unrolled));
    }
    text.push(
      set("end", vectors),
      sums && unroll === 1 ? blocks(body(0, false)) : whileBelow(get("end"), 16, body(0, false)),
    );
    text.push(whileBelow(get("length"), 4, body(0, true)), flush());
    return text.join("\n");
  }

  /** What has to be known before a row, where a row is a channel. */
  const beforeRow = (): string =>
    mode !== "first"
      ? ""
      : [
          ...lines.flatMap((line, index) =>
            line.op === "channel"
              ? [set(local(`v${index}`, "v128"), `(v128.load32_splat ${get(`c${line.operand}`)})`)]
              : [],
          ),
          ...perChannel.map(({ reduction, i }) =>
            reduction.op === "sum" ? set(local(`s${i}`, "v128"), ZERO) : set(`a${i}_0`, MINUS_INFINITY),
          ),
        ].join("\n");

  function afterRow(): string {
    const text = addresses.map(({ name }) => advance(name, get("length")));
    if (mode === "first") {
      for (const { reduction, i } of perChannel) {
        text.push(
          reduction.op === "sum"
            ? `(f64.store ${get(`d${i}`)} (f64.add (f64.load ${get(`d${i}`)}) ${sumOfLanes(get(`s${i}`))}))`
            : `(f32.store ${get(`r${i}`)} (f32.max (f32.load ${get(`r${i}`)}) ${maxOfLanes(get(`a${i}_0`))}))`,
        );
      }
      for (const { name } of channelAddresses) text.push(advance(name, i32(name.startsWith("d") ? 8 : 4)));
    }
    if (mode === "last" && perChannel.some(({ reduction }) => reduction.op === "sum")) {
      text.push(`(if (i32.eqz (i32.and ${get("rows")} ${i32(ROWS - 1)})) (then ${flushChannels()}))`);
    }
    return text.join("\n");
  }

  /** The sums of some rows, in memory, added in float64; they begin anew. */
  function flushChannels(): string {
    const content = perChannel
      .filter(({ reduction }) => reduction.op === "sum")
      .map(({ i }) => {
        const single = `(i32.add ${get(`r${i}`)} ${get("i")})`;
        const double = `(i32.add ${get(`d${i}`)} (i32.shl ${get("i")} ${i32(1)}))`;
        return `(f64.store ${double} (f64.add (f64.load ${double}) (f64.promote_f32 (f32.load ${single})))) (f32.store ${single} (f32.const 0))`;
      })
      .join("\n");
    return `${set("i", i32(0))} ${whileBelow(get("length"), 4, content)}`;
  }

  const begin = [
    set("rows", `(i32.load ${slot(frame.rows)} ${get("frame")})`),
    set("length", `(i32.load ${slot(frame.length)} ${get("frame")})`),
    ...[...addresses, ...channelAddresses].map(({ name, slot: at }) =>
      set(name, `(i32.load ${slot(at)} ${get("frame")})`),
    ),
    ...lines.flatMap((line, index) =>
      line.op === "scalar"
        ? [set(local(`v${index}`, "v128"), `(v128.load32_splat ${slot(frame.scalars + line.operand)} ${get("frame")})`)]
        : [],
    ),
    ...reductions.flatMap((reduction, r) =>
      reduction.op === "max" && inRegister(reduction) ? [set(local(`a${r}_0`, "v128"), MINUS_INFINITY)] : [],
    ),
  ];
  const end = reductions.flatMap((reduction, r) => {
    if (reduction.to === "channel") return [];
    const at = `${slot(frame.reductions + 2 * r)} ${get("frame")}`;
    const before = `(f64.load ${at})`;
    return reduction.op === "sum"
      ? [`(f64.store ${at} (f64.add ${before} ${sumOfLanes(get(`s${r}`))}))`]
      : [`(f64.store ${at} (f64.max ${before} (f64.promote_f32 ${maxOfLanes(get(`a${r}_0`))})))`];
  });
  const loop = `(if ${get("rows")} (then (loop $rows
    ${beforeRow()}
    ${row()}
    ${advance("rows", i32(-1))}
    ${afterRow()}
    (br_if $rows ${get("rows")}))))`;
  const { imports, functions } = mathOf(loop);
  return `(module
    ${memoryImport(shared)}
    ${imports}
    ${functions}
    (func (export "run") (param $frame i32)
      ${[...locals].map(([name, type]) => `(local $${name} ${type})`).join(" ")}
      ${begin.join("\n")}
      ${loop}
      ${end.join("\n")}))`;
}
