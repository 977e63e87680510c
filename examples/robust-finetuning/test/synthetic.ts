/** A made-up study with realistic shapes and curves: what the report and the table are tested on. Nothing in it was measured. */

import { encodePng } from "../src/report/png.ts";
import type { CurvePoint, DomainResult, LayerTrace, MethodResult, Run, StudyResult } from "../src/result.ts";
import { estimate, mean } from "../src/statistics.ts";

const DOMAINS: [name: string, description: string][] = [
  ["photo", "Shaded solids on a rough texture, lit from one side."],
  ["sketch", "Thin pencil strokes on paper, no fill."],
  ["clipart", "Flat bright fill with a bold outline on white."],
  ["painting", "Broad brush strokes in a few muted colours."],
  ["clutter", "The shape among parts of other shapes."],
  ["negative", "Bright glowing outline in the dark."],
];

const CLASSES = [
  "circle",
  "square",
  "triangle",
  "star",
  "heart",
  "cross",
  "ring",
  "arrow",
  "moon",
  "drop",
  "bolt",
  "house",
];

const METHODS: Omit<MethodResult, "runs" | "accuracy" | "shifted" | "secondsPerStep" | "overhead">[] = [
  {
    name: "probe",
    label: "No fine-tuning (linear probe)",
    description: "The pre-trained network stays as it is; only a linear head is fitted on its features.",
    settings: { ridge: "0.01" },
  },
  {
    name: "adamw",
    label: "AdamW",
    description: "Every weight is fine-tuned.",
    settings: { lr: "0.001", "weight decay": "0.05" },
  },
  {
    name: "adamw+ftp",
    label: "AdamW + FTP",
    description: "Every row of weights stays within a learned distance from its pre-trained value.",
    settings: { lr: "0.001", "weight decay": "0.05", k: "1", "radius lr": "0.01" },
  },
  {
    name: "adamw+ftp+lr",
    label: "AdamW + FTP + learned learning rate",
    description: "As above, and the learning rate is learned by its hyper-gradient too.",
    settings: { lr: "0.001 (learned)", "weight decay": "0.05", k: "1", "radius lr": "0.01" },
  },
];

const ACCURACY = [
  [0.801, 0.702, 0.715, 0.688, 0.653, 0.741],
  [0.934, 0.604, 0.671, 0.63, 0.512, 0.586],
  [0.929, 0.711, 0.748, 0.699, 0.611, 0.722],
  [0.937, 0.703, 0.752, 0.706, 0.618, 0.719],
];

/** The tensors of a small MLP-mixer. */
const LAYERS: [name: string, fanIn: number][] = [
  ["stem/kernel", 48],
  ["stem/bias", 1],
  ...[0, 1].flatMap((block): [string, number][] =>
    ["token", "channel"].flatMap((mlp): [string, number][] => [
      [`mixer/${block}/${mlp}/norm/gamma`, 1],
      [`mixer/${block}/${mlp}/in/kernel`, mlp === "token" ? 64 : 96],
      [`mixer/${block}/${mlp}/in/bias`, 1],
      [`mixer/${block}/${mlp}/out/kernel`, mlp === "token" ? 64 : 192],
      [`mixer/${block}/${mlp}/out/bias`, 1],
    ]),
  ),
  ["norm/gamma", 1],
  ["head/kernel", 96],
  ["head/bias", 1],
];

/** What can be varied about a made-up study. */
export interface SyntheticOptions {
  /** How many seeds. @defaultValue 3 */
  seeds?: number;
  /** Which methods, by name. @defaultValue all four */
  methods?: readonly string[];
}

/** Makes a study up; the same options give the same study. */
export function syntheticStudy({
  seeds = 3,
  methods = METHODS.map(({ name }) => name),
}: SyntheticOptions = {}): StudyResult {
  const random = mulberry32(1);
  const results = METHODS.flatMap((method, index) =>
    methods.includes(method.name) ? [{ ...method, ...measured(index, seeds, random) }] : [],
  );
  const [probe, plain] = ["probe", "adamw"].map((name) => results.find((method) => method.name === name));
  const summary = (method: MethodResult) => ({
    inDistribution: method.accuracy.photo?.mean ?? 0,
    shifted: method.shifted.mean,
  });
  return {
    format: "hypergrad-study/1",
    date: "2025-11-23T12:34:56.000Z",
    options: { seed: 1, seeds, steps: 150, methods: methods.join(","), backend: "auto", out: "study", quick: false },
    seconds: 142.7,
    machine: { node: "v20.20.2", cpu: "A processor with a rather long name @ 2.50GHz", cores: 2 },
    backend: {
      name: "wasm",
      reason: "no native TensorFlow is installed; WebAssembly with SIMD is the fastest that is left",
      computing: "2 runs at a time, each on one thread",
      executors: "fused WASM kernels",
    },
    domains: DOMAINS.map(([name, description], index) => domain(name, description, index, random)),
    classes: CLASSES,
    data: { train: 480, validation: 480, testPerDomain: 1200 },
    model: {
      description: "MLP-mixer, 2 blocks, 64 patches of 4×4, width 96",
      parameters: 312588,
      pretraining: "40 epochs on a mixture of four domains",
    },
    training: { steps: 150, batchSize: 64, schedule: "cosine to 0 after 10 steps of warm-up" },
    methods: results,
    precondition: probe && plain ? { probe: summary(probe), finetuned: summary(plain), holds: true } : null,
    tuning: {
      description:
        "Every candidate was trained from two seeds that are not used again; the best on the validation set of photo was chosen.",
      seeds: [101, 102],
      methods: results.flatMap(({ name }) => (name === "probe" ? [] : [tuning(name, random)])),
    },
  };
}

function tuning(method: string, random: () => number): StudyResult["tuning"]["methods"][number] {
  const candidates = [3e-4, 1e-3, 3e-3].flatMap((lr) =>
    [0, 0.05].map((weightDecay) => {
      const settings: Record<string, number> =
        method === "adamw" ? { lr, weightDecay } : { lr, weightDecay, radiusLr: 0.01 };
      return {
        settings,
        validation: { mean: 0.9 + 0.04 * random(), standardError: 0.002 },
        distance: random(),
        chosen: false,
      };
    }),
  );
  const best = Math.max(...candidates.map(({ validation }) => validation.mean));
  return {
    method,
    candidates: candidates.map((candidate) => ({ ...candidate, chosen: candidate.validation.mean === best })),
  };
}

function measured(
  index: number,
  seeds: number,
  random: () => number,
): Pick<MethodResult, "runs" | "accuracy" | "shifted" | "secondsPerStep" | "overhead"> {
  const runs = Array.from({ length: seeds }, (_, seed) => run(index, seed + 1, random));
  const shifted = DOMAINS.slice(1).map(([name]) => name);
  return {
    runs,
    accuracy: Object.fromEntries(
      DOMAINS.map(([name]) => [name, estimate(runs.map(({ accuracy }) => accuracy[name] ?? 0))]),
    ),
    shifted: estimate(runs.map(({ accuracy }) => mean(shifted.map((name) => accuracy[name] ?? 0)))),
    secondsPerStep: index === 0 ? 0 : 0.041 + 0.004 * index,
    overhead: index < 2 ? null : (0.041 + 0.004 * index) / 0.045 - 1,
  };
}

function run(index: number, seed: number, random: () => number): Run {
  const accuracy = Object.fromEntries(
    DOMAINS.map(([name], domain) => [name, (ACCURACY[index]?.[domain] ?? 0) + 0.02 * (random() - 0.5)]),
  );
  if (index === 0) return { seed, accuracy, curve: [], traced: [], layers: {}, lr: [] };

  const traced = Array.from({ length: 31 }, (_, point) => 5 * point);
  const pace = 0.8 + 0.4 * random();
  const grown = traced.map((step) => 1 - Math.exp((-pace * step) / 50));
  return {
    seed,
    accuracy,
    curve: Array.from({ length: 16 }, (_, point) => curvePoint(10 * point, index, random)),
    traced,
    layers: Object.fromEntries(
      LAYERS.map(([name, fanIn]) => [name, layer(grown, fanIn, index > 1 && !name.startsWith("head"), random)]),
    ),
    lr: traced.map((step, point) => {
      const scheduled = 1e-3 * Math.min(1, (step + 1) / 10) * 0.5 * (1 + Math.cos((Math.PI * step) / 151));
      return index === 3 ? 1e-3 * Math.exp(1.6 * (grown[point] ?? 0) * pace + 0.02 * random()) : scheduled;
    }),
  };
}

function layer(grown: readonly number[], fanIn: number, projected: boolean, random: () => number): LayerTrace {
  const size = 0.02 * fanIn * (0.3 + random());
  const tightness = 0.2 + 0.9 * random();
  const distance = grown.map((share) => size * share * (0.97 + 0.06 * random()));
  if (!projected) return { radius: [], bound: [], distance };
  return {
    radius: grown.map((share, point) => Math.max(1e-8, size * tightness * share ** 1.3 * (point % 7 === 6 ? 0.9 : 1))),
    bound: grown.map((share) => Math.min(1, Math.max(0, 1.4 - tightness - 0.5 * share + 0.1 * random()))),
    distance: distance.map((value) => value * Math.min(1, tightness)),
  };
}

function curvePoint(step: number, index: number, random: () => number): CurvePoint {
  const [inside = 0, ...outside] = ACCURACY[index] ?? [];
  const learned = 1 - Math.exp(-step / 35);
  return {
    step,
    trainLoss: 0.08 + 2.4 * Math.exp(-step / 30) + 0.05 * random(),
    validation: 0.12 + (inside - 0.12) * learned + 0.01 * random(),
    shifted: 0.12 + (0.72 - 0.12) * learned - (0.72 - mean(outside)) * (step / 150) + 0.01 * random(),
  };
}

/** A few pictures of discs on stripes: enough to see that pictures are shown. */
function domain(name: string, description: string, index: number, random: () => number): DomainResult {
  const samples = Array.from({ length: 8 }, (_, sample) => {
    const pixels = new Float32Array(32 * 32 * 3);
    const [x0, y0, radius] = [10 + 12 * random(), 10 + 12 * random(), 6 + 5 * random()];
    for (let pixel = 0; pixel < 1024; pixel++) {
      const [x, y] = [pixel % 32, Math.floor(pixel / 32)];
      const inside = Math.hypot(x - x0, y - y0) < radius;
      for (let channel = 0; channel < 3; channel++) {
        pixels[3 * pixel + channel] = inside
          ? Math.cos(index + 2 * channel)
          : 0.5 * Math.sin((x + y * channel) / (2 + index)) + 0.3 * (random() - 0.5);
      }
    }
    return {
      image: encodePng(pixels, { height: 32, width: 32 }),
      label: CLASSES[(sample * 5 + index) % CLASSES.length] ?? "",
    };
  });
  return { name, description, finetuned: index === 0, samples };
}

/** Tommy Ettinger's mulberry32: a small generator of numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), 61 | bits);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
  };
}
