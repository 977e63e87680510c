/**
 * What runs a step, for people: its numbers do not show it, only the time that it takes.
 */

/** An executor that ran programs of a step. */
export interface ExecutorUse {
  /** What it is called: "fused WASM kernels", "TensorFlow.js operations". */
  readonly executor: string;
  /** What it ran, such as "adamw: update". */
  readonly programs: readonly string[];
  /** Why that was nothing faster; undefined where there is nothing faster. */
  readonly reason?: string;
}

/** What TensorFlow.js itself is called. */
export const OPERATIONS = "TensorFlow.js operations";

interface Use {
  readonly executor: string;
  readonly reason: string | undefined;
  /** By name. */
  readonly programs: Set<string>;
}

/** The executors of a step. */
export class Uses {
  private uses: Use[] = [];
  private watching = false;

  /** What runs meanwhile is a step. */
  during<T>(step: () => T): T {
    this.uses = [];
    this.watching = true;
    try {
      return step();
    } finally {
      this.watching = false;
    }
  }

  /** @param program Its name. */
  note(executor: string, program: string, reason?: string): void {
    if (!this.watching) return;
    for (let i = 0; i < this.uses.length; i++) {
      const use = this.uses[i] as Use;
      if (use.executor === executor && use.reason === reason) {
        use.programs.add(program);
        return;
      }
    }
    this.uses.push({ executor, reason, programs: new Set([program]) });
  }

  /** What has run, in the order in which it first did. */
  list(): ExecutorUse[] {
    return this.uses.map(({ executor, reason, programs }) => ({
      executor,
      programs: [...programs],
      ...(reason !== undefined && { reason }),
    }));
  }
}
