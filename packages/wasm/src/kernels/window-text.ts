/**
 * Pooling and its gradients, as WebAssembly text: sliding windows channel by channel, four channels at a time, then what is left one by one.
 */
import { add, floats, locals, loop, mul, nest, params, set, sub } from "./wat.js";

/** Instructions on four channels, and on one. */
const lanes = [
  {
    count: 4,
    load: "v128.load align=4",
    store: "v128.store align=4",
    add: "f32x4.add",
    mul: "f32x4.mul",
    type: "v128",
  },
  { count: 1, load: "f32.load", store: "f32.store", add: "f32.add", mul: "f32.mul", type: "f32" },
] as const;

type Lane = (typeof lanes)[number];

/** What is done with one pooling window, of one lane of channels: first, at each tap that is on the image (at `at` in x and dx), at last. */
interface Pooling {
  readonly before: (lane: Lane) => string;
  readonly tap: (lane: Lane) => string;
  readonly after?: (lane: Lane) => string;
}

/** All pooling windows, one after the other; py and pdy are where a window's values are in y and dy. */
const everyWindow = (name: string, extra: string, { before, tap, after }: Pooling): string => `
  (func $${name} (export "${name}")
    ${params("x y dy dx n height width channels oh ow stride_h stride_w kh kw top left")} ${extra}
    ${locals("i r o c h q ih iw py pdy at")} (local $count f32)
    (local $d_v128 v128) (local $m_v128 v128) (local $found_v128 v128) (local $best_v128 v128)
    (local $d_f32 f32) (local $m_f32 i32) (local $found_f32 i32) (local $best_f32 f32)
    ${set("py", "y")} ${set("pdy", "dy")}
    ${nest(
      [
        ["i", 0, "n", 1],
        ["r", 0, "oh", 1],
        ["o", 0, "ow", 1],
      ],
      `${set("c", 0)}
      ${lanes
        .map((lane) => {
          const column = `
            ${set("iw", sub(add(mul("o", "stride_w"), "q"), "left"))}
            (if (i32.lt_u (local.get $iw) (local.get $width))
              (then
                ${set("at", floats(add(mul(add(mul(add(mul("i", "height"), "ih"), "width"), "iw"), "channels"), "c")))}
                ${tap(lane)}))`;
          const row = `
            ${set("ih", sub(add(mul("r", "stride_h"), "h"), "top"))}
            (if (i32.lt_u (local.get $ih) (local.get $height)) (then ${loop("q", 0, "kw", 1, column)}))`;
          const window = `
            ${before(lane)}
            ${loop("h", 0, "kh", 1, row)}
            ${after?.(lane) ?? ""}
            ${["py", "pdy"].map((p) => set(p, add(p, 4 * lane.count))).join(" ")}`;
          return loop("c", "c", sub("channels", lane.count - 1), lane.count, window);
        })
        .join("\n")}`,
    )})`;

/** The input's value at this tap. */
const value = (lane: Lane): string => `(${lane.load} ${add("x", "at")})`;

/** The same number in every channel of a lane. */
const spread = (lane: Lane, number: string): string => (lane.type === "v128" ? `(f32x4.splat ${number})` : number);

const best = (lane: Lane): string => `$best_${lane.type}`;

const maxPool = everyWindow("max_pool", "", {
  before: (lane) => `(local.set ${best(lane)} ${spread(lane, "(f32.const -inf)")})`,
  tap: (lane) =>
    lane.type === "v128"
      ? `(local.set ${best(lane)} (f32x4.pmax (local.get ${best(lane)}) ${value(lane)}))`
      : `(if (f32.lt (local.get ${best(lane)}) ${value(lane)}) (then (local.set ${best(lane)} ${value(lane)})))`,
  after: (lane) => `(${lane.store} (local.get $py) (local.get ${best(lane)}))`,
});

/** The mean of those values of a window that are on the image. */
const averagePool = everyWindow("average_pool", "", {
  before: (lane) => `(local.set ${best(lane)} ${spread(lane, "(f32.const 0)")}) (local.set $count (f32.const 0))`,
  tap: (lane) =>
    `(local.set ${best(lane)} (${lane.add} (local.get ${best(lane)}) ${value(lane)}))
     (local.set $count (f32.add (local.get $count) (f32.const 1)))`,
  after: (lane) =>
    `(${lane.store} (local.get $py) (${lane.add.replace("add", "div")} (local.get ${best(lane)}) ${spread(lane, "(local.get $count)")}))`,
});

/** dx at this tap += what `gradient` is. */
const addTo = (lane: Lane, gradient: string): string =>
  `(${lane.store} ${add("dx", "at")} (${lane.add} (${lane.load} ${add("dx", "at")}) ${gradient}))`;

const loadGradient = (lane: Lane): string => `(local.set $d_${lane.type} (${lane.load} (local.get $pdy)))`;

/** The first value of a window that equals its maximum gets the gradient: y, the maxima, tells which. */
const maxPoolGradient = everyWindow("max_pool_gradient", "", {
  before: (lane) =>
    `${loadGradient(lane)} (local.set ${best(lane)} (${lane.load} (local.get $py)))
     (local.set $found_${lane.type} (${lane.type === "v128" ? "v128.const i32x4 0 0 0 0" : "i32.const 0"}))`,
  tap: (lane) =>
    lane.type === "v128"
      ? `(local.set $m_v128 (v128.andnot (f32x4.eq ${value(lane)} (local.get $best_v128)) (local.get $found_v128)))
        (local.set $found_v128 (v128.or (local.get $found_v128) (local.get $m_v128)))
        ${addTo(lane, "(v128.and (local.get $d_v128) (local.get $m_v128))")}`
      : `(local.set $m_f32 (i32.and (f32.eq ${value(lane)} (local.get $best_f32)) (i32.eqz (local.get $found_f32))))
        (if (local.get $m_f32) (then (local.set $found_f32 (i32.const 1)) ${addTo(lane, "(local.get $d_f32)")}))`,
});

/** Every value of a window gets the same share. */
const averagePoolGradient = everyWindow("average_pool_gradient", "(param $share f32)", {
  before: (lane) =>
    `${loadGradient(lane)} (local.set $d_${lane.type} (${lane.mul} (local.get $d_${lane.type}) ${spread(lane, "(local.get $share)")}))`,
  tap: (lane) => addTo(lane, `(local.get $d_${lane.type})`),
});

export const windowText: string = [maxPool, averagePool, maxPoolGradient, averagePoolGradient].join("\n");
