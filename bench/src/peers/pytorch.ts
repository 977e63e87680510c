/** PyTorch, where a Python on this machine has it. */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type NetworkName, networks } from "../networks/catalogue.js";
import { examplesOf, weightsOf } from "../networks/layers.js";
import { type About, Trainer } from "./process.js";

const program = fileURLToPath(new URL("../../src/peers/pytorch.py", import.meta.url));

/** How PyTorch is held: to one thread at its full vector width, to one thread and 128 bits, or not at all. */
export type Hold = "one thread" | "one thread, 128 bits" | "all threads";

interface Python {
  readonly command: string;
  /** What makes an OpenBLAS that misjudges a new processor use its vectors. */
  readonly wide: Readonly<Record<string, string>>;
}

/** Kernels of processors that have no 256-bit vectors. */
const OLD = /^(Prescott|Core2|Penryn|Dunnington|Atom|Nehalem|Athlon|Opteron|Barcelona|Bobcat|Katmai|Generic)/i;

/** The kernels that OpenBLAS should have for this processor. */
function coreType(): string | undefined {
  const flags = process.platform === "linux" ? readFileSync("/proc/cpuinfo", "utf8") : "";
  return /\bavx512bw\b/.test(flags) ? "SkylakeX" : /\bavx2\b/.test(flags) ? "Haswell" : undefined;
}

async function look(): Promise<Python | undefined> {
  for (const command of ["python3", "/usr/bin/python3", "python"]) {
    const trainer = new Trainer(command, [program, "1"]);
    try {
      const { core } = await trainer.ask<About>(undefined);
      const better = OLD.test(core) && coreType();
      return { command, wide: better ? { OPENBLAS_CORETYPE: better } : {} };
    } catch {
      // None here, or one without PyTorch.
    } finally {
      await trainer.dispose();
    }
  }
  return undefined;
}

let found: Promise<Python | undefined> | undefined;

/** A process of PyTorch that has this network; undefined where there is no PyTorch. */
export async function torch(name: NetworkName, hold: Hold, folder: string): Promise<Trainer | undefined> {
  found ??= look();
  const python = await found;
  if (!python) return undefined;
  const description = networks[name];
  const weights = weightsOf(description);
  const { x, labels } = examplesOf(description);
  const file = join(folder, "weights");
  writeFileSync(
    file,
    Buffer.concat([...weights.map(({ values }) => values), x].map(({ buffer }) => new Uint8Array(buffer))),
  );
  const threads = String(hold === "all threads" ? availableParallelism() : 1);
  const narrow = {
    OPENBLAS_CORETYPE: "Prescott",
    ATEN_CPU_CAPABILITY: "default",
    ONEDNN_MAX_CPU_ISA: "SSE41",
    DNNL_MAX_CPU_ISA: "SSE41",
    MKL_ENABLE_INSTRUCTIONS: "SSE4_2",
  };
  const trainer = new Trainer(python.command, [program, threads], {
    OMP_NUM_THREADS: threads,
    ...(hold === "one thread, 128 bits" ? narrow : python.wide),
  });
  trainer.tell({
    ...description,
    file,
    labels,
    kinds: weights.map(({ kind }) => kind),
    shapes: weights.map(({ shape }) => shape),
  });
  return trainer;
}

/** Which PyTorch it is, for the table. */
export const described = ({ version, blas, core, capability, threads }: About, hold: Hold): string =>
  `PyTorch ${version}, ${hold === "all threads" ? `${threads} threads` : hold} (${[blas, core].filter(Boolean).join(" ")}; loops ${capability})`;
