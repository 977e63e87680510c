/** What the other scripts know about the repository: where it is, which packages it has, how to run a tool, npm or pnpm in it. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { endWithNpm } from "./end-with-npm.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** Every workspace package: its folder relative to the root and its manifest. */
export function workspacePackages() {
  const folders = ["packages", "examples"].flatMap((group) =>
    existsSync(join(root, group)) ? readdirSync(join(root, group)).map((name) => join(root, group, name)) : [],
  );
  return [...folders, join(root, "bench")]
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({
      folder: relative(root, folder).replaceAll("\\", "/"),
      manifest: readJson(join(folder, "package.json")),
    }));
}

/** The files under a folder for which `keep` holds, without dependencies and build outputs. */
export function filesUnder(folder, keep) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist"].includes(entry.name) ? [] : filesUnder(path, keep);
    return keep(path) ? [path] : [];
  });
}

const bins = {
  tsc: "typescript/bin/tsc",
  biome: "@biomejs/biome/bin/biome",
  knip: "knip/bin/knip.js",
  typedoc: "typedoc/bin/typedoc",
  vitest: "vitest/vitest.mjs",
  vite: "vite/bin/vite.js",
  changeset: "@changesets/cli/bin.js",
};

/** The command line of an installed tool, run by this very Node. */
export const tool = (name, ...args) => [process.execPath, join(root, "node_modules", bins[name]), ...args];

/** npm or another program that comes with Node; on Windows these are scripts, which need a shell. */
const beside = (name, ...args) => [process.platform === "win32" ? `${name}.cmd` : name, ...args];
export const npm = (...args) => beside("npm", ...args);

/** pnpm, in exactly the version that package.json names, without being installed. */
export const pnpm = (...args) => beside("npx", "-y", readJson(join(root, "package.json")).packageManager, ...args);

const running = new Set();

// Whatever ends this program ends what it runs.
process.on("exit", () => {
  for (const child of running) child.kill();
});
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGHUP", 1],
]) {
  process.on(signal, () => process.exit(128 + number));
}
endWithNpm();

/** Runs a command, in the root unless told otherwise; `live` shows its output as it comes. Resolves to its exit code and its output. */
export function run([command, ...args], { live = false, env = process.env, cwd = root } = {}) {
  return new Promise((resolve) => {
    const shell = command.endsWith(".cmd");
    const child = spawn(command, args, { cwd, env, shell, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let output = "";
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      from.setEncoding("utf8");
      from.on("data", (text) => {
        output += text;
        if (live) to.write(text);
      });
    }
    child.on("error", (error) => resolve({ code: 1, output: `${output}${error.message}\n` }));
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve({ code: code ?? 1, output: signal ? `${output}ended by ${signal}\n` : output });
    });
  });
}

/** What a check says of one thing that it looked at: "passed", "FAILED" or "skipped", which check.mjs finds and repeats in the summary. */
export function tell(verdict, name, seconds, detail = "") {
  console.log(`   ${verdict.padEnd(7)}  ${name.padEnd(40)}  ${`${seconds.toFixed(1)} s`.padStart(7)}  ${detail}`);
}
