/** Whole training steps with AdamW, each peer in a process of its own, against PyTorch and against TensorFlow.js's backends as they come. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Computed, same } from "./gradients.js";
import { type Benchmark, empty, inTurns, judged, type Row, type Time } from "./measure.js";
import { type NetworkName, networks } from "./networks/catalogue.js";
import { weightsOf } from "./networks/layers.js";
import { type About, Trainer } from "./peers/process.js";
import { described, type Hold, torch } from "./peers/pytorch.js";

/** The networks, each with its target against PyTorch on one thread at its full vector width. */
const targets: Readonly<Partial<Record<NetworkName, number>>> = {
  MLP: 2.6,
  "conv net": 1.8,
  ViT: 2.5,
  "MobileNetV2 blocks": 2.5,
  "ResNet blocks": 3,
  "MobileNetV2 whole": 3,
};

/**
 * How far the gradient of a tensor may be from the peer's, by its norm. Through 35 rectifiers float32 decides otherwise about one number in 10⁴, which is zero or not: PyTorch with wide
 * vectors and with narrow ones are 0.015 apart there, and each 0.01 from float64.
 */
const tolerance = (name: NetworkName): number => (name === "MobileNetV2 whole" ? 0.05 : 0.005);

const holds: readonly Hold[] = ["one thread", "one thread, 128 bits", "all threads"];
const stock = { wasm: "stock tfjs WASM with tf.train.adam", cpu: "tfjs cpu backend with tf.train.adam" } as const;

/** What all peers together may take, in milliseconds. */
const BUDGET = 12_000;

const program = fileURLToPath(new URL("./peers/trainer.js", import.meta.url));

const inNode = (by: "ours" | keyof typeof stock, name: NetworkName): Trainer =>
  new Trainer(process.execPath, [program, by, name]);

/** A peer that is ready and computes what we compute, or why there is none. */
interface Ready {
  readonly peer: string;
  readonly hold?: Hold;
  readonly trainer?: Trainer;
  readonly why?: string;
  readonly differs?: boolean;
  /** The largest difference of a gradient. */
  readonly error?: number;
}

async function computed(trainer: Trainer, folder: string, patience?: number): Promise<Computed & { about?: About }> {
  const file = join(folder, "gradients");
  const { loss, about } = await trainer.ask<{ loss: number; about?: About }>({ gradients: file }, patience);
  const bytes = readFileSync(file);
  return { loss, gradients: new Float32Array(new Uint8Array(bytes).buffer), ...(about && { about }) };
}

/** Starts a peer and holds its gradients against ours. */
async function start(name: NetworkName, by: Hold | keyof typeof stock, ours: Computed, folder: string): Promise<Ready> {
  const inTfjs = by === "wasm" || by === "cpu";
  const what = inTfjs ? stock[by] : `PyTorch, ${by}`;
  const trainer = inTfjs ? inNode(by, name) : await torch(name, by, folder);
  if (!trainer) return { peer: what, why: "not measured: no python3 here can import torch" };
  let theirs: Awaited<ReturnType<typeof computed>>;
  try {
    theirs = await computed(trainer, folder, by === "cpu" ? 10_000 : undefined);
  } catch (error) {
    await trainer.dispose();
    return { peer: what, why: `not measured: ${(error as Error).message}` };
  }
  const peer = theirs.about && !inTfjs ? described(theirs.about, by) : what;
  try {
    const shapes = weightsOf(networks[name]).map(({ shape }) => shape);
    const error = same(ours, theirs, shapes, tolerance(name));
    return { peer, trainer, error, ...(!inTfjs && { hold: by }) };
  } catch (error) {
    await trainer.dispose();
    return { peer, why: `failed: ${(error as Error).message}`, differs: true };
  }
}

/** One thread against one is judged by the processor's time, which others on the machine do not lengthen. */
function rowOf(name: NetworkName, { peer, hold, error = 0 }: Ready, ours: Time, theirs: Time): Row {
  const ratio = hold === "all threads" ? ours.wall / theirs.wall : ours.cpu / theirs.cpu;
  const atMost = hold === "one thread" ? targets[name] : hold === "one thread, 128 bits" ? 1 : undefined;
  return {
    ...empty(`${name}, training step`, `${networks[name].work}; gradients within ${error.toExponential(0)}`, peer),
    oursMs: ours.wall,
    peerMs: theirs.wall,
    oursCpuMs: ours.cpu,
    peerCpuMs: theirs.cpu,
    ratio,
    ...judged(ratio, atMost === undefined ? undefined : { atMost }),
  };
}

async function measured(name: NetworkName, ours: Trainer, peers: Ready[], folder: string): Promise<Row[]> {
  const first = await computed(ours, folder);
  for (const by of [...holds, "wasm", "cpu"] as const) peers.push(await start(name, by, first, folder));
  const ready = peers.filter((peer): peer is Ready & { trainer: Trainer } => peer.trainer !== undefined);
  const contenders = [ours, ...ready.map(({ trainer }) => trainer)];
  const once = await inTurns(contenders, 1, 0);
  const round = once.reduce((sum, { wall }) => sum + wall, 0);
  const rounds = Math.max(3, Math.min(40, Math.round(BUDGET / round)));
  const [our, ...their] = (await inTurns(contenders, rounds, Math.ceil(rounds / 3))) as [Time, ...Time[]];
  return peers.map((peer) => {
    const { why, differs } = peer;
    if (why) return empty(`${name}, training step`, why, peer.peer, differs ? false : null);
    return rowOf(name, peer, our, their[ready.findIndex(({ trainer }) => trainer === peer.trainer)] as Time);
  });
}

const rowsOf = (name: NetworkName): Benchmark => ({
  name: `${name}, training step / PyTorch and stock backends`,
  seconds: 40,
  async run() {
    const folder = mkdtempSync(join(tmpdir(), "hypergrad-bench-"));
    const ours = inNode("ours", name);
    const peers: Ready[] = [];
    try {
      return await measured(name, ours, peers, folder);
    } finally {
      await Promise.all([ours, ...peers.map(({ trainer }) => trainer)].map((trainer) => trainer?.dispose()));
      rmSync(folder, { recursive: true });
    }
  },
});

export const trainingRows: readonly Benchmark[] = (Object.keys(targets) as NetworkName[]).map(rowsOf);
