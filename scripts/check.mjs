/**
 * All checks, one after the other, each under its name. A check that fails does not stop the others; the summary names it, and
 * the last line counts. What a check had to skip on this machine is in the summary too, by name.
 *
 *   node scripts/check.mjs                 all checks
 *   node scripts/check.mjs lint tests      these checks
 */
import { run, tool } from "./workspace.mjs";

// The tools write into a pipe: they are told to colour what a terminal will show.
const { NO_COLOR, FORCE_COLOR: _, ...env } = process.env;
const coloured = Boolean(process.stdout.isTTY) && NO_COLOR === undefined;
Object.assign(env, coloured ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" });

const node = (...script) => [process.execPath, ...script];

/** In this order: what is quick and explains later failures comes first. `live` checks show what they compared. */
const checks = [
  { name: "types", what: "type check of sources and tests", command: tool("tsc", "-p", "tsconfig.test.json") },
  {
    name: "lint",
    what: "lint and format",
    command: tool("biome", "ci", "--error-on-warnings", `--colors=${coloured ? "force" : "off"}`),
  },
  { name: "build", what: "build of all packages and examples", command: tool("tsc", "-b") },
  {
    name: "unused",
    what: "unused files, exports and dependencies",
    command: tool("knip", "--no-progress", "--no-config-hints"),
  },
  { name: "boundaries", what: "package boundaries", command: node("scripts/boundaries.mjs") },
  { name: "rules", what: "the page of update rules", command: node("scripts/rules.mjs", "--check") },
  { name: "tests", what: "unit, property and golden tests", command: tool("vitest", "run"), live: true },
  {
    name: "kernels",
    what: "TensorFlow.js's own tests on WASM, as it comes and with @hypergrad/wasm",
    command: node("scripts/kernels.mjs"),
    live: true,
  },
  {
    name: "environments",
    what: "the same numbers in Node, pages and Workers, on WASM, WebGL and WebGPU",
    command: node("scripts/environments.mjs"),
    live: true,
  },
  {
    name: "packages",
    what: "the packages as npm installs them: imported, required, typed, bundled, in pages; their size",
    command: node("scripts/packages.mjs"),
    live: true,
  },
  { name: "contract", what: "the contract lines", command: node("examples/contract/dist/contract.js"), live: true },
  { name: "docs", what: "API documentation", command: tool("typedoc") },
];

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(`Unknown check: ${unknown.join(", ")}. The checks are ${checks.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}

/** What a check says that it could not do on this machine. */
const skippedIn = (output) => [...output.matchAll(/^ {3}skipped +(.*)$/gm)].map(([, line]) => line);

const results = [];
for (const { name, what, command, live = false } of checks) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(`\n── ${name}: ${what}`);
  const start = performance.now();
  const { code, output } = await run(command, { live, env });
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0 && !live) process.stdout.write(output.endsWith("\n") ? output : `${output}\n`);
  console.log(code === 0 ? `   ${name} passed` : `   FAILED: ${name} (exit code ${code})`);
  results.push({ name, what, seconds, passed: code === 0, skipped: skippedIn(output) });
}

console.log("\n── summary");
for (const { name, what, seconds, passed, skipped } of results) {
  console.log(`   ${passed ? "passed" : "FAILED"}  ${name.padEnd(12)}  ${seconds.toFixed(1).padStart(6)} s  ${what}`);
  for (const line of skipped) console.log(`   skipped    ${line}`);
}
const failed = results.filter(({ passed }) => !passed).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
