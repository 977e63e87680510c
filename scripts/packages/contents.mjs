/** What is in the packages, seen where npm has unpacked them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { readJson } from "../workspace.mjs";
import { published } from "./pack.mjs";

const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** What is wrong with one package. */
function problemsOf(folder, source) {
  const text = readFileSync(join(folder, "package.json"), "utf8");
  const manifest = JSON.parse(text);
  const problems = [];
  const wants = (condition, problem) => condition || problems.push(problem);
  wants(!/workspace:|catalog:/.test(text), "package.json speaks of the workspace");
  wants(manifest.publishConfig?.access === "public", "is not for the public");
  wants(manifest.repository?.directory === source, `repository.directory is not ${source}`);
  for (const field of ["homepage", "bugs", "keywords", "description"]) wants(manifest[field], `has no ${field}`);
  wants(existsSync(join(folder, "LICENSE")), "has no LICENSE");
  for (const field of ["jsdelivr", "unpkg"]) {
    wants(existsSync(join(folder, manifest[field] ?? "-")), `${field} is ${manifest[field]}, which is not there`);
  }
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  for (const [, link] of readme.matchAll(/\]\(([^)\s]+)\)/g)) {
    wants(/^(https:|#)/.test(link), `README.md: ${link} leads nowhere outside of the repository`);
  }
  for (const file of filesOf(folder)) problems.push(...problemsOfFile(file, folder));
  return problems;
}

/** A source map that leads nowhere. */
function problemsOfFile(file, folder) {
  const where = relative(folder, file);
  if (file.endsWith(".map")) {
    const { sources, sourceRoot = "" } = readJson(file);
    return sources
      .filter((source) => !existsSync(join(dirname(file), sourceRoot, source)))
      .map((source) => `${where}: there is no ${source}`);
  }
  if (!/\.(js|d\.ts)$/.test(file)) return [];
  const [, map] = /\/\/# sourceMappingURL=(.*)/.exec(readFileSync(file, "utf8")) ?? [];
  return map && !existsSync(join(dirname(file), map)) ? [`${where}: there is no ${map}`] : [];
}

/** The files of the backend are those of the version that is installed beside them. */
function problemsOfWasm(folder) {
  const backend = join(folder, "node_modules", "@tensorflow", "tfjs-backend-wasm", "dist");
  const ours = join(folder, "node_modules", "@hypergrad", "wasm", "dist");
  return readdirSync(backend)
    .filter((name) => name.endsWith(".wasm"))
    .filter(
      (name) =>
        !existsSync(join(ours, name)) || !readFileSync(join(ours, name)).equals(readFileSync(join(backend, name))),
    )
    .map((name) => `@hypergrad/wasm: dist/${name} is not that of the backend`);
}

export function readBack(folder) {
  const problems = published().flatMap(({ folder: source, manifest: { name } }) =>
    problemsOf(join(folder, "node_modules", name), source).map((problem) => `${name}: ${problem}`),
  );
  problems.push(...problemsOfWasm(folder));
  if (problems.length > 0) throw new Error(problems.join("\n"));
}
