/** Installs the packages in an empty folder with plain npm, and uses them there in Node. */
import { copyFileSync, cpSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npm, readJson, root, run, tool } from "../workspace.mjs";
import { succeed } from "./pack.mjs";

const quietly = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];

/** The version of a dependency in this workspace. */
const versionOf = (name) => readJson(join(root, "node_modules", name, "package.json")).version;

/** Every copy of a package under a folder's node_modules. */
function copiesOf(name, folder) {
  const modules = join(folder, "node_modules");
  if (!existsSync(modules)) return [];
  const here = existsSync(join(modules, name)) ? [join(modules, name)] : [];
  const inside = readdirSync(modules).flatMap((entry) =>
    entry.startsWith("@") ? readdirSync(join(modules, entry)).map((each) => join(entry, each)) : [entry],
  );
  return [...here, ...inside.flatMap((each) => copiesOf(name, join(modules, each)))];
}

/** What a user types: the four packages, TensorFlow.js and its WASM backend. There must be one engine then. */
export async function installIn(folder, tarballs) {
  cpSync(join(root, "consumers"), folder, { recursive: true });
  const tensorflow = ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"];
  const dependencies = {
    ...Object.fromEntries(tensorflow.map((name) => [name, versionOf(name)])),
    ...Object.fromEntries(Object.entries(tarballs).map(([name, file]) => [name, `file:${file}`])),
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
  await succeed(npm("install", ...quietly), { cwd: folder });
  for (const name of ["@tensorflow/tfjs-core", "@hypergrad/core"]) {
    const copies = copiesOf(name, folder);
    if (copies.length !== 1) throw new Error(`${copies.length} copies of ${name}: ${copies.join(", ")}`);
  }
  if (existsSync(join(folder, "node_modules", "fast-check"))) throw new Error("fast-check was installed unasked");
  return `tfjs-core once, ${versionOf("@tensorflow/tfjs-core")}`;
}

/** What the first consumer got, which the others are compared with. */
let reference;

/** Looks at what a training came to: on WASM, the loss falls, the rate has moved, and all get the same. */
export function judge({ backend, losses, hyperparameters }) {
  if (backend !== "wasm") throw new Error(`it ran on ${backend}, not on wasm`);
  if (!(losses.at(-1) < losses[0])) throw new Error(`the loss does not fall: ${losses.join(", ")}`);
  const numbers = [...losses, ...Object.values(hyperparameters).flatMap((each) => Object.values(each))];
  if (!numbers.every(Number.isFinite)) throw new Error(`not all are numbers: ${JSON.stringify(hyperparameters)}`);
  reference ??= numbers;
  const away = numbers.findIndex((x, i) => Math.abs(x - reference[i]) > 1e-5 * Math.abs(reference[i]));
  if (away >= 0 || numbers.length !== reference.length) {
    throw new Error(`not what Node gets: number ${away} is ${numbers[away]}, not ${reference[away]}`);
  }
  return `loss ${losses[0].toFixed(4)} → ${losses.at(-1).toFixed(4)}`;
}

async function runInNode(folder, ...program) {
  const output = await succeed([process.execPath, ...program], { cwd: folder });
  if (/Warning/.test(output)) throw new Error(`it warns: ${output}`);
  return judge(JSON.parse(output.slice(output.indexOf('{"backend"'))));
}

export const importAll = (folder) => runInNode(folder, "node.mjs");

export const requireAll = (folder) => runInNode(folder, "node.cjs");
requireAll.skip = process.features.require_module ? undefined : `Node ${process.versions.node} requires no ES modules`;

/**
 * Strict, and with the declarations of all packages checked. TensorFlow.js's own do not pass that check (they lack the types of what they import), so
 * only errors in the program and in ours count.
 */
async function checkTypes(folder, program, module) {
  const resolution = module === "esnext" ? ["--moduleResolution", "bundler"] : [];
  const options = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--skipLibCheck", "false"];
  const target = ["--noEmit", "--target", "es2022", "--lib", "es2022,dom", "--module", module, ...resolution];
  const { output } = await run(tool("tsc", program, ...options, ...target, "--pretty", "false"), { cwd: folder });
  const ours = output.split("\n").filter((line) => /^(error|node_modules\/@hypergrad\/|\w+\.ts)/.test(line));
  if (ours.length > 0) throw new Error(`under module ${module}:\n${ours.join("\n")}`);
}

export async function typeCheck(folder) {
  await Promise.all([checkTypes(folder, "types.ts", "node16"), checkTypes(folder, "types.ts", "esnext")]);
  return "without fast-check";
}

export async function useTesting(folder) {
  await succeed(npm("install", ...quietly, `fast-check@${versionOf("fast-check")}`), { cwd: folder });
  await checkTypes(folder, "testing.ts", "node16");
  // It has no types of its own, so that it is JavaScript, too.
  copyFileSync(join(folder, "testing.ts"), join(folder, "testing.mjs"));
  await succeed([process.execPath, "testing.mjs"], { cwd: folder });
  if (!requireAll.skip) await succeed([process.execPath, "-e", 'require("@hypergrad/core/testing")'], { cwd: folder });
}
