/**
 * The program of every environment, one bundle for browsers and one for Node. In a page it is there to be called, as `run` (and `checkChoices`); a Worker finds what it
 * is asked in its name, and a Node process in its arguments.
 *
 * Numbers travel as text, which is the same for the same bits and for no others.
 */
import { checkHeap, checkRefusal, checkThreads, runBattery } from "./battery.js";
import { checkChoices } from "./choices.js";
import { countDispatches } from "./dispatches.js";
import { checkFaster } from "./faster.js";
import { type BackendName, type Place, scopeName, selectBackend, throwDeviceErrors } from "./place.js";

/** What an environment answers: where it was and what ran its steps, and all numbers by training and name. */
interface Answer {
  readonly place: Place & { readonly executors: string };
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  /** Kernels of one step by optimizer, on a page's GPU. */
  readonly dispatches?: Readonly<Record<string, number>>;
}

interface Question {
  readonly backend: BackendName;
  /** On how many threads the WASM backend's kernels are to run. */
  readonly threads: number;
  /** Where the WASM backend's files are, in a browser. */
  readonly wasmFiles?: string;
}

const text = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

async function run({ backend, threads, wasmFiles }: Question): Promise<Answer> {
  const place = await selectBackend(backend, threads, wasmFiles);
  const { outcomes: numbers, executors } = await runBattery();
  const outcomes = Object.entries(numbers).map(([training, outcome]) => {
    const texts = Object.entries(outcome).map(([name, numbers]) => [name, numbers.map(text)] as const);
    return [training, Object.fromEntries(texts)] as const;
  });
  if (backend === "webgpu") checkRefusal();
  if (backend === "wasm") {
    checkFaster();
    checkHeap();
    if (threads > 1) await checkThreads(threads);
  }
  const onGpu = place.scope === "page" && (backend === "webgpu" || backend === "webgl");
  const answer = {
    place: { ...place, executors: executors.join("; ") },
    outcomes: Object.fromEntries(outcomes),
    ...(onGpu && { dispatches: countDispatches(backend) }),
  };
  throwDeviceErrors();
  return answer;
}

const scope = scopeName();
if (scope === "page") Object.assign(globalThis, { run, checkChoices });
if (scope === "Worker") {
  const asked = JSON.parse(self.name);
  (asked.backend ? run(asked) : checkChoices(asked.wasmFiles)).then(
    (answer) => postMessage({ answer }),
    (error: Error) => postMessage({ error: error.stack ?? error.message }),
  );
}
if (scope === "Node") {
  run(JSON.parse(process.argv[2] as string)).then(
    (answer) => {
      console.log(JSON.stringify(answer));
      // With a device that somebody holds the process does not end by itself, and ended by force it may crash.
      delete (globalThis.navigator as { gpu?: object } | undefined)?.gpu;
    },
    (error: Error) => {
      console.error(error);
      process.exit(1);
    },
  );
}
