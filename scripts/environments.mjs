/**
 * Runs the battery of environments/ wherever TensorFlow.js runs, and compares: WASM gives the same bits everywhere, the other backends the
 * same numbers within float32. One line for each environment: passed, FAILED, or skipped with the reason.
 *
 *   node scripts/environments.mjs                    all environments
 *   node scripts/environments.mjs webgpu worker      those with one of these words in their name, and what they are compared with
 */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { launchBrowser, servePages } from "./browser.mjs";
import { unpackedChromium } from "./chromium.mjs";
import { wrongDispatches } from "./dispatches.mjs";
import { root, tell } from "./workspace.mjs";

const out = join(root, "node_modules", ".cache", "environments");

/** For sums in another order, and functions that are some units in the last place off. What was seen is below 1e-6; hardware may be less exact than SwiftShader. */
const FLOAT32 = 2e-5;

/** Where the battery runs, what must be true of the place and of what runs steps there, and what its numbers are compared with: the same bits, or float32's. */
const fused = { executors: "fused WASM kernels" };
const onDevice = { executors: "TensorFlow.js operations (values that cover a whole tensor stay on the device)" };
const environments = [
  {
    name: "Node, WASM on threads",
    backend: "wasm",
    place: { scope: "Node", sharedMemory: true, threads: 3, ...fused },
    tolerance: 0,
  },
  {
    name: "Node, plain JavaScript",
    backend: "cpu",
    place: { scope: "Node", executors: "TensorFlow.js operations (nothing faster is registered for the backend cpu)" },
    tolerance: FLOAT32,
  },
  {
    name: "Node, WebGPU",
    backend: "webgpu",
    place: { scope: "Node", device: "swiftshader", ...onDevice },
    tolerance: FLOAT32,
  },
  {
    name: "page, WASM",
    backend: "wasm",
    place: { scope: "page", isolated: false, sharedMemory: false, threads: 1, ...fused },
    tolerance: 0,
  },
  {
    name: "Worker, WASM",
    backend: "wasm",
    place: { scope: "Worker", isolated: false, sharedMemory: false, threads: 1, ...fused },
    tolerance: 0,
  },
  {
    name: "isolated page, WASM on threads",
    backend: "wasm",
    place: { scope: "page", isolated: true, sharedMemory: true, threads: 3, ...fused },
    tolerance: 0,
  },
  {
    name: "isolated Worker, WASM on threads",
    backend: "wasm",
    place: { scope: "Worker", isolated: true, sharedMemory: true, threads: 3, ...fused },
    tolerance: 0,
  },
  { name: "page, WebGL", backend: "webgl", place: { scope: "page", ...onDevice }, tolerance: FLOAT32 },
  {
    name: "page, WebGPU",
    backend: "webgpu",
    place: { scope: "page", device: "swiftshader", ...onDevice },
    tolerance: FLOAT32,
  },
  // Compared with nothing: what must be true there is in environments/choices.ts.
  { name: "page, useBackend()", place: { scope: "page" } },
  { name: "Worker, useBackend()", place: { scope: "Worker" } },
];
const reference = {
  name: "Node, WASM",
  backend: "wasm",
  place: { scope: "Node", sharedMemory: false, threads: 1, ...fused },
};

/** One bundle for browsers, and one for Node, which finds packages by itself. */
async function bundle() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const entry = join(root, "environments", "main.ts");
  const shared = { bundle: true, entryPoints: [entry], format: "esm", tsconfig: join(root, "tsconfig.test.json") };
  await Promise.all([
    build({ ...shared, platform: "node", external: ["@tensorflow/*", "webgpu"], outfile: join(out, "node.mjs") }),
    build({
      ...shared,
      platform: "browser",
      outfile: join(out, "browser.js"),
      define: { "process.env.NODE_ENV": '"production"' },
      logOverride: { "ignored-bare-import": "silent" },
    }),
  ]);
  const { resolve } = createRequire(join(root, "package.json"));
  const files = join(resolve("@tensorflow/tfjs-backend-wasm/package.json"), "..", "wasm-out");
  cpSync(files, join(out, "wasm"), { recursive: true, filter: (path) => path === files || path.endsWith(".wasm") });
  writeFileSync(join(out, "index.html"), '<!doctype html><script type="module" src="browser.js"></script>');
}

async function inNode(question) {
  const env = question.backend === "webgpu" ? { ...process.env, ...(await unpackedChromium()).env } : process.env;
  // Its imports are found from the root's node_modules, above the folder that it is in.
  const args = [join(out, "node.mjs"), JSON.stringify(question)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 28 }).catch((error) => {
    // Dawn now and then crashes when the process that it is in ends. The line break says that the answer is whole.
    if (!error.stdout?.endsWith("\n")) throw error;
    return error;
  });
  return JSON.parse(stdout.slice(stdout.indexOf('{"place"')));
}

/** In a page, or in a Worker that a page starts. */
async function inBrowser(browser, { scope, isolated }, question) {
  const server = await servePages([out], { isolated });
  const page = await browser.newPage();
  try {
    await page.goto(server.url);
    await page.waitForFunction(() => "run" in globalThis);
    const wasmFiles = `${server.url}wasm/`;
    const given = { ...question, wasmFiles };
    if (scope === "page") {
      return await page.evaluate(
        (asked) => (asked.backend ? globalThis.run(asked) : globalThis.checkChoices(asked.wasmFiles)),
        given,
      );
    }
    return await page.evaluate(
      (asked) =>
        new Promise((resolve, reject) => {
          const worker = new Worker("browser.js", { type: "module", name: JSON.stringify(asked) });
          worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.answer));
          worker.onerror = ({ message }) => reject(new Error(message));
        }),
      given,
    );
  } finally {
    await page.close();
    await server.close();
  }
}

/** How far numbers are from those expected, relative to the largest of them; infinitely far where there is no number. */
function distance(numbers, others) {
  const scale = Math.max(...others.map((x) => Math.abs(Number(x))), Number.MIN_VALUE);
  const distances = numbers.map((x, i) => (x === others[i] ? 0 : Math.abs(Number(x) - Number(others[i])) / scale));
  return numbers.length === others.length && !distances.some(Number.isNaN) ? Math.max(0, ...distances) : Infinity;
}

/** Compares an answer with the reference's: what is wrong, and the largest distance. */
function compare({ backend, place, tolerance = 0 }, answer, expected) {
  const wrong = Object.entries({ backend, ...place })
    .filter(([fact, value]) => answer.place[fact] !== value)
    .map(([fact, value]) => `${fact} is ${answer.place[fact]}, expected ${value}`);
  wrong.push(...wrongDispatches(backend, answer.dispatches));
  let largest = 0;
  for (const [training, outcome] of Object.entries(answer.outcomes)) {
    if (Number(outcome.leaked[0]) !== 0) wrong.push(`${training}: ${outcome.leaked[0]} tensors are left behind`);
    for (const [what, numbers] of Object.entries(outcome)) {
      const others = expected.outcomes[training][what];
      const away = distance(numbers, others);
      largest = Math.max(largest, away);
      if (away <= (what === "counts" ? 0 : tolerance)) continue;
      const at = numbers.findIndex((x, i) => x !== others[i]);
      wrong.push(
        `${training}: ${what}[${at}] is ${numbers[at]}, expected ${others[at]} (${away.toExponential(0)} away)`,
      );
    }
  }
  return { wrong, largest };
}

const started = await launchBrowser();
let failed = 0;
let expected;

async function check(environment) {
  const { name, backend, place } = environment;
  const question = { backend, threads: place.threads ?? 1 };
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  if (place.scope !== "Node" && started.unavailable) return tell(name, "skipped", 0, "no browser can be started here");
  try {
    if (backend === "webgpu" && place.scope === "Node") await unpackedChromium();
  } catch (error) {
    return tell(name, "skipped", 0, `no WebGPU device in software: ${error.message}`);
  }
  try {
    const answer = place.scope === "Node" ? await inNode(question) : await inBrowser(started.browser, place, question);
    if (!backend) return tell(name, "passed", seconds(), "the choices and messages that the guide speaks of");
    expected ??= answer;
    const { wrong, largest } = compare(environment, answer, expected);
    const found =
      environment === reference
        ? "what the others are compared with"
        : largest === 0
          ? "the same bits"
          : `within ${largest.toExponential(0)}`;
    if (wrong.length > 0) failed++;
    tell(
      name,
      wrong.length > 0 ? "FAILED" : "passed",
      seconds(),
      wrong.length > 0 ? wrong.slice(0, 4).join("; ") : found,
    );
  } catch (error) {
    failed++;
    tell(name, "FAILED", seconds(), error.stderr || [error.message.trim(), error.signal].filter(Boolean).join(": "));
  }
}

const words = process.argv.slice(2).map((word) => word.toLowerCase());
const chosen = environments.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.toLowerCase().includes(word)),
);
try {
  await bundle();
  console.log(`   browser: ${started.name ?? `none (${started.unavailable})`}`);
  await check(reference);
  // Node and the browser side by side, each one thing at a time.
  const lanes = [
    chosen.filter(({ place }) => place.scope === "Node"),
    chosen.filter(({ place }) => place.scope !== "Node"),
  ];
  await Promise.all(
    lanes.map(async (lane) => {
      for (const environment of expected ? lane : []) await check(environment);
    }),
  );
} finally {
  await started.close?.();
}
process.exitCode = failed > 0 ? 1 : 0;
