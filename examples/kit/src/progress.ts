/**
 * Progress of long work that several workers share. The time left comes from the pace since the start (time so far / share done),
 * which stays right when workers report in turns and out of step.
 *
 * On a terminal one line is redrawn; anywhere else (a log, a pipe) one plain line is written about every tenth of the work.
 */

import { SingleBar } from "cli-progress";
import { duration } from "./format.ts";

/** What is being waited for. */
export interface ProgressOptions {
  /** How many units of work there are: any unit, as long as all take about the same time. */
  total: number;
  /** What is being done, in a word or two. */
  label: string;
  /** Where to write. @defaultValue process.stderr, so that the standard output holds results only */
  stream?: NodeJS.WriteStream;
  /** The time in milliseconds. @defaultValue performance.now */
  now?: () => number;
}

/** A display of how far some work is. */
export interface Progress {
  /**
   * @param done - Units that are done so far, by all workers together; fractions count.
   * @param message - What is happening, in a few words; the last one stays until another is given.
   */
  update(done: number, message?: string): void;
  /** Ends the display; safe to call twice. */
  stop(): void;
}

/** Starts to display progress. Call `stop` when the work has ended, however it ended. */
export function createProgress(options: ProgressOptions): Progress {
  const { total, label, stream = process.stderr, now = () => performance.now() } = options;
  const started = now();
  const timing = (done: number): string => {
    const elapsed = (now() - started) / 1000;
    if (done >= total) return `${duration(elapsed)} in all`;
    return done > 0
      ? `${duration(elapsed)}, about ${duration((elapsed * (total - done)) / done)} left`
      : duration(elapsed);
  };
  return stream.isTTY ? liveBar(total, label, stream, timing) : plainLines(total, label, stream, timing);
}

function liveBar(total: number, label: string, stream: NodeJS.WriteStream, timing: (done: number) => string): Progress {
  let done = 0;
  let message = "";
  let stopped = false;
  const bar = new SingleBar({
    stream,
    format: `${label} {bar} {percentage} % · {timing}{message}`,
    barsize: 24,
    barCompleteChar: "━",
    barIncompleteChar: "─",
    // Its handler would swallow the first Ctrl-C.
    gracefulExit: false,
    linewrap: false,
  });
  const draw = () =>
    bar.update(Math.min(done, total), { timing: timing(done), message: message === "" ? "" : ` · ${message}` });
  bar.start(total, 0, { timing: timing(0), message: "" });
  const clock = setInterval(draw, 1000);
  clock.unref();
  return {
    update(units, text = message) {
      done = units;
      message = text;
      draw();
    },
    stop() {
      if (stopped) return;
      stopped = true;
      clearInterval(clock);
      draw();
      bar.stop();
    },
  };
}

function plainLines(
  total: number,
  label: string,
  stream: NodeJS.WriteStream,
  timing: (done: number) => string,
): Progress {
  let tenths = 0;
  let stopped = false;
  return {
    update(done, message = "") {
      const share = Math.min(done, total) / total;
      const reached = Math.floor(10 * share + 1e-9);
      if (stopped || reached <= tenths) return;
      tenths = reached;
      stream.write(
        `${label}: ${Math.floor(100 * share + 1e-9)} % · ${timing(done)}${message === "" ? "" : ` · ${message}`}\n`,
      );
    },
    stop() {
      stopped = true;
    },
  };
}
