/**
 * Runs TensorFlow.js's own tests of its operations, which its core package ships compiled, on the WASM backend: as it comes, and with
 * @hypergrad/wasm. Nothing that passes as it comes may fail with the package, and what fails with it is listed, with the reason, in
 * tfjs-core/known.mjs.
 *
 *   node scripts/kernels.mjs                 all tests: some 4,200, twice, in half a minute
 *   node scripts/kernels.mjs conv2d matmul   those with one of these words in their name
 */
import { mkdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { known } from "./tfjs-core/known.mjs";
import { root, run } from "./workspace.mjs";

const out = join(root, "node_modules", ".cache", "kernels");
const modules = join(root, "node_modules");
const core = realpathSync(join(modules, "@tensorflow", "tfjs-core", "dist"));
const words = process.argv.slice(2);

/** One tfjs-core for tests, backend and package: the compiled modules that the tests import. And jasmine, which tfjs-core does not declare. */
const resolving = {
  name: "one tfjs-core",
  setup({ onResolve }) {
    onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, () => ({ path: join(core, "index.js") }));
    onResolve({ filter: /^virtual:tfjs-core\// }, ({ path }) => ({
      path: join(core, path.slice("virtual:tfjs-core/".length)),
    }));
    onResolve({ filter: /^jasmine-core\// }, ({ path }) => ({ path: join(modules, path) }));
  },
};

/** What became of every test on the WASM backend with this package imported. */
async function results(name, backend) {
  const bundle = join(out, `${name}.cjs`);
  const parts = ["./boot.mjs", "./environment.mjs", "virtual:tfjs-core/tests.js", "./execute.mjs"];
  await build({
    stdin: {
      contents: parts.map((part) => `import ${JSON.stringify(part)};`).join("\n"),
      resolveDir: join(root, "scripts", "tfjs-core"),
    },
    ...{ bundle: true, platform: "node", format: "cjs", outfile: bundle, logLevel: "error" },
    // Some modules say that they have no side effects, and register operations.
    ignoreAnnotations: true,
    mainFields: ["module", "main"],
    tsconfig: join(root, "tsconfig.test.json"),
    alias: { "virtual:backend": backend },
    define: { WASM_FILES: JSON.stringify(join(modules, "@tensorflow", "tfjs-backend-wasm", "wasm-out", "/")) },
    plugins: [resolving],
  });
  const file = join(out, `${name}.json`);
  const { code, output } = await run([process.execPath, bundle, file, ...words]);
  if (code !== 0) throw new Error(`The tests ${name} ended with exit code ${code}:\n${output.slice(-4000)}`);
  return JSON.parse(readFileSync(file, "utf8"));
}

const count = (tests, status) => tests.filter((test) => test.status === status).length;

function listed(title, tests) {
  if (tests.length === 0) return;
  console.log(`${title}:`);
  for (const { name, message } of tests) console.log(`   ${name}${message ? `\n      ${message}` : ""}`);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const [stock, ours] = await Promise.all([
  results("as-it-comes", "@tensorflow/tfjs-backend-wasm"),
  results("with-hypergrad", "@hypergrad/wasm"),
]);
for (const [name, tests] of [
  ["the WASM backend as it comes", stock],
  ["with @hypergrad/wasm", ours],
]) {
  const [passed, failed] = [count(tests, "passed"), count(tests, "failed")];
  console.log(`   ${name.padEnd(28)}  ${tests.length} tests: ${passed} passed, ${failed} failed`);
}

const before = new Map(stock.map(({ name, status }) => [name, status]));
const isKnown = ({ name }) => known.some(({ tests }) => tests.some((pattern) => pattern.test(name)));
const failed = ours.filter(({ status }) => status === "failed");
const broken = failed.filter(({ name }) => before.get(name) === "passed");
const unlisted = failed.filter((test) => !broken.includes(test) && !isKnown(test));
const mended = ours.filter((test) => test.status === "passed" && isKnown(test));
for (const { reason, tests } of known) {
  const concerned = failed.filter(({ name }) => tests.some((pattern) => pattern.test(name)));
  if (concerned.length > 0) console.log(`   ${String(concerned.length).padStart(5)} fail: ${reason}`);
}
// Of all tests, each pattern must match one: it is forgotten otherwise, when the tests change.
const idle =
  words.length > 0 ? [] : known.flatMap(({ tests }) => tests).filter((p) => !ours.some((t) => p.test(t.name)));

listed("Passes as the backend comes, and fails with @hypergrad/wasm", broken);
listed("Fails, and is not listed in scripts/tfjs-core/known.mjs", unlisted);
listed("Passes, and is listed in scripts/tfjs-core/known.mjs as failing", mended);
listed(
  "Matches no test",
  idle.map((pattern) => ({ name: String(pattern) })),
);
const problems = broken.length + unlisted.length + mended.length + idle.length;
if (ours.length === 0) console.log(`No test has ${words.join(" or ")} in its name.`);
process.exitCode = problems === 0 && ours.length > 0 ? 0 : 1;
