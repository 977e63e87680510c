/** A peer's process, which trains a network: it reads requests as JSON lines and answers each with one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Contender, Time } from "../measure.js";

/** Write all gradients into this file and tell the loss; or do so many steps and tell how long each took. */
export type Request = { readonly gradients: string } | { readonly steps: number };

/** What a process says of itself with its first gradients, where it is PyTorch. */
export interface About {
  readonly version: string;
  readonly blas: string;
  /** The kernels that OpenBLAS has chosen; "" for other libraries. */
  readonly core: string;
  /** What PyTorch's own loops use. */
  readonly capability: string;
  readonly threads: number;
}

/** Milliseconds after which a peer is too slow to be measured. */
const PATIENCE = 60_000;

export class Trainer implements Contender {
  private readonly process: ChildProcess;
  private readonly lines: Interface;
  private readonly answers: AsyncIterator<string>;
  private said = "";

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.process = spawn(command, args, { env: { ...process.env, ...env } });
    this.process.stderr?.on("data", (data) => {
      this.said += data;
    });
    this.process.on("error", ({ message }) => {
      this.said += message;
    });
    this.process.stdin?.on("error", () => {}); // Its end is told by the answer that does not come.
    this.lines = createInterface({ input: this.process.stdout as NodeJS.ReadableStream });
    this.answers = this.lines[Symbol.asyncIterator]();
  }

  /** Writes a line, or ends the input, and waits for the answer. */
  async ask<T>(line: object | undefined, patience: number = PATIENCE): Promise<T> {
    if (line) this.process.stdin?.write(`${JSON.stringify(line)}\n`);
    else this.process.stdin?.end();
    let impatient: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      impatient = setTimeout(
        () => reject(new Error(`no answer in ${patience / 1e3} s, which is too slow to be measured`)),
        patience,
      );
    });
    try {
      const { value } = await Promise.race([this.answers.next(), late]);
      if (value === undefined) throw new Error(this.said.trim().split("\n").at(-1) || "the process ended");
      const answer = JSON.parse(value) as T & { error?: string };
      if (answer.error) throw new Error(answer.error);
      return answer;
    } finally {
      clearTimeout(impatient);
    }
  }

  /** What a network needs that is not in this program: the first line, where the process is PyTorch. */
  tell(line: object): void {
    this.process.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  time(): Promise<Time> {
    return this.ask({ steps: 1 });
  }

  async dispose(): Promise<void> {
    this.lines.close();
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, "exit");
    this.process.kill();
    await ended;
  }
}
