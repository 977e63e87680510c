/** The gradients of depthwise convolutions with respect to their kernels, as WebAssembly text: the sums of three taps next to each other stay in registers. */
import { align, eight, get, type Lane, load, one, sum, taps, touch, upTo, vectors } from "./depthwise-text.js";
import { add, call, each, floats, locals, loop, min, mul, nest, params, set, sub } from "./wat.js";

const zero = (lane: Lane): string => (lane === eight ? "(f32x4.splat (f32.const 0))" : "(f32.const 0)");

/** k += the sum over n columns of x · dy, of `count` taps next to each other, in all channels. */
function filterTile(count: number, lane: Lane): string {
  const all = upTo(count);
  const sums = all.flatMap((t) => lane.parts.map((p) => `s${t}${p}`));
  return `
  (func $filter_${count}_${lane.count} ${params("x xs x_q dy ys k k_q n channels spill next next_by")}
    ${locals("c b a e i j to old")} ${vectors(lane, [...sums, ...lane.parts.map((p) => `d${p}`)])}
    ${loop(
      "c",
      0,
      "channels",
      lane.count,
      `${set("b", floats(min("c", sub("channels", lane.count))))}
      ${set("a", add("x", "b"))} ${set("e", add("dy", "b"))} ${set("i", "n")}
      (if (i32.lt_u (local.get $b) ${floats("c")}) (then ${set("next_by", 0)}))
      ${each(all, (t) => each(lane.parts, (p) => `(local.set $s${t}${p} ${zero(lane)})`))}
      (loop $columns
        ${each(lane.parts, (p) => `(local.set $d${p} ${load(lane, p, get("e"))})`)}
        ${each(all, (t) => each(lane.parts, (p) => sum(lane, `s${t}${p}`, load(lane, p, t === 0 ? get("a") : add("a", mul("x_q", t))), get(`d${p}`))))}
        ${set("a", add("a", "xs"))} ${set("e", add("e", "ys"))}
        ${count > 1 ? `${touch("next")} ${set("next", add("next", "next_by"))}` : ""}
        (br_if $columns (local.tee $i ${sub("i", 1)})))
      ${each(all, (t) => {
        const to = (p: number) => load(lane, p, get("to"));
        const whole = each(
          lane.parts,
          (p) =>
            `(${lane.store} offset=${p * lane.size} ${align(lane)} (local.get $to) (${lane.op}.add ${to(p)} (local.get $s${t}${p})))`,
        );
        const spilled = each(
          lane.parts,
          (p) => `(${lane.store} offset=${p * lane.size} ${align(lane)} (local.get $spill) (local.get $s${t}${p}))`,
        );
        // Of channels that are done, nothing is added twice.
        const rest = loop(
          "j",
          sub(floats("c"), "b"),
          4 * lane.count,
          4,
          `(f32.store ${add("to", "j")} (f32.add (f32.load ${add("to", "j")}) (f32.load ${add("spill", "j")})))`,
        );
        return `${set("to", add("k", mul("k_q", t), "b"))}
          (if (i32.eq (local.get $b) ${floats("c")}) (then ${whole}) (else ${spilled} ${rest}))`;
      })}`,
    )})`;
}

/** Divided by a positive number and rounded up, where that is positive. */
const quotientUp = (x: string, by: string): string => `(i32.div_s ${add(x, sub(by, 1))} ${get(by)})`;
/** The output columns, `begin` to before `end`, at which the tap `q` is on the image. */
const onImage = (begin: string, end: string, q: string): string => {
  const from = (size: string | number) => quotientUp(sub(size, "col_from", mul(q, "q_by")), "col_by");
  return `
    ${set(begin, from(0))} ${set(begin, `(select ${get(begin)} (i32.const 0) (i32.gt_s ${get(begin)} (i32.const 0)))`)}
    ${set(end, min(from("xw"), "yw"))} ${set(end, `(select ${get(end)} ${get(begin)} (i32.gt_s ${get(end)} ${get(begin)}))`)}`;
};

/** The columns `begin` to before `end` of taps that start at `q`. */
const columnsOf = (count: number, q: string, begin: string, end: string): string => {
  const operands = [
    add("from", mul(add(mul(begin, "col_by"), "col_from", mul(q, "q_by")), "x_col")),
    mul("col_by", "x_col"),
    mul("q_by", "x_col"),
    add("given", mul(begin, "y_col")),
    "y_col",
    add("tap", mul(q, "y_col")),
    "y_col",
    sub(end, begin),
    ...["channels", "spill", "next", "next_by"],
  ];
  const lanes = count > 1 ? call(`filter_${count}_8`, ...operands) : "";
  const each1 = `(if (i32.ge_s ${get("channels")} (i32.const 8)) (then ${call("filter_1_8", ...operands)}) (else ${call("filter_1_1", ...operands)}))`;
  return `(if (i32.gt_s ${get(end)} ${get(begin)}) (then ${lanes || each1}))`;
};

/** k += the sum over all of x · dy: k is [kh, kw, channels], dy [n, yh, yw, channels]. */
const filter = `
  (func $depthwise_filter (export "depthwise_filter")
    ${params("x x_image x_row x_col xh xw k kh kw dy yh yw n row_by row_from h_by col_by col_from q_by channels spill")}
    ${locals("i r h q t row from given tap y_col b0 e0 b1 e1 b2 e2 begin end next next_by")}
    ${set("y_col", floats("channels"))}
    ${nest(
      [
        ["i", 0, "n", 1],
        ["r", 0, "yh", 1],
        ["h", 0, "kh", 1],
      ],
      `${set("row", add(mul("r", "row_by"), "row_from", mul("h", "h_by")))}
      (if (i32.lt_u (local.get $row) (local.get $xh)) (then
        ${set("from", add("x", mul("i", "x_image"), mul("row", "x_row")))}
        ${set("given", add("dy", mul(mul(add(mul("i", "yh"), "r"), "yw"), "y_col")))}
        ${set("tap", add("k", mul(mul("h", "kw"), "y_col")))}
        ;; While the last taps are summed, the next row of x is touched; before that, dy's.
        (if (i32.eq ${add("h", 1)} (local.get $kh))
          (then
            ${set("next", add("from", `(select ${mul("row_by", "x_row")} (i32.const 0) (i32.lt_s ${add("row", "row_by")} (local.get $xh)))`))}
            ${set("next_by", mul(min("col_by", 2), 32))})
          (else
            ${set("next", add("given", `(select ${mul("yw", "y_col")} (i32.const 0) (i32.lt_s ${add("r", 1)} (local.get $yh)))`))}
            ${set("next_by", 32)}))
        ${set("q", 0)}
        (block $done (loop $next
          (br_if $done (i32.ge_s (local.get $q) (local.get $kw)))
          ${onImage("b0", "e0", "q")}
          (if (i32.and (i32.ge_s (local.get $channels) (i32.const 8)) (i32.ge_s ${sub("kw", "q")} (i32.const ${taps})))
            (then
              ${onImage("b1", "e1", add("q", 1))} ${onImage("b2", "e2", add("q", 2))}
              ;; Later taps reach the image earlier, and leave it earlier.
              ${set("begin", "b0")} ${set("end", "e2")}
              ${columnsOf(taps, "q", "begin", "end")}
              ${upTo(taps)
                .map(
                  (t) => `${set("t", add("q", t))}
                  (if (i32.lt_s (local.get $begin) (local.get $end))
                    (then ${columnsOf(1, "t", `b${t}`, "begin")} ${columnsOf(1, "t", "end", `e${t}`)})
                    (else ${columnsOf(1, "t", `b${t}`, `e${t}`)}))`,
                )
                .join("\n")}
              ${set("q", add("q", taps))})
            (else ${columnsOf(1, "q", "b0", "e0")} ${set("q", add("q", 1))}))
          (br $next)))))`,
    )})`;

export const depthwiseFilterText: string = [
  filterTile(taps, eight),
  filterTile(1, eight),
  filterTile(1, one),
  filter,
].join("\n");
