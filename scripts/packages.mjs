/**
 * The packages as strangers get them: packed, linted, installed by npm in an empty folder, and there imported, required, type-checked, bundled
 * by Vite, and put on a page without a bundler. One line for each: passed, FAILED, or skipped with the reason.
 *
 *   node scripts/packages.mjs            everything
 *   node scripts/packages.mjs --keep     and leave the folder, whose name it says
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchBrowser } from "./browser.mjs";
import { readBack } from "./packages/contents.mjs";
import { lint } from "./packages/lint.mjs";
import { importAll, installIn, requireAll, typeCheck, useTesting } from "./packages/node.mjs";
import { pack } from "./packages/pack.mjs";
import {
  bundleWithEsbuild,
  bundleWithVite,
  developWithVite,
  documentedPage,
  isolatedBundle,
  isolatedPage,
  ownWasmPaths,
  pageWithoutBundler,
} from "./packages/pages.mjs";
import { dryRun, makeVersion, publishToRegistry, refuseNpm } from "./packages/release.mjs";
import { checkSizes } from "./packages/sizes.mjs";
import { tell } from "./workspace.mjs";

const folder = mkdtempSync(join(tmpdir(), "hypergrad-packages-"));
const keep = process.argv.includes("--keep");
process.on("exit", () => keep || rmSync(folder, { recursive: true, force: true }));
if (keep) console.log(`   in ${folder}`);

let failed = 0;

/** Runs one check, which answers with what there is to say, or throws; `skip` is a reason not to run it. */
async function check(name, work, skip) {
  const start = performance.now();
  let verdict = skip ? "skipped" : "passed";
  let detail = skip;
  try {
    if (!skip) detail = await work();
  } catch (error) {
    verdict = "FAILED";
    detail = error.message;
    failed++;
  }
  tell(verdict, name, (performance.now() - start) / 1000, detail);
  return verdict !== "FAILED";
}

const tarballs = {};
const started = await launchBrowser();

/** What needs no browser. */
async function inNode() {
  await check("publint, are the types wrong", () => lint(tarballs));
  await check("what lies in them", () => readBack(folder));
  await check("size", () => checkSizes(folder));
  await check("require in Node", () => requireAll(folder), requireAll.skip);
  await check("strict types: node16, bundler", () => typeCheck(folder));
  await check("version from changesets", () => makeVersion(folder));
  await check("release, dry run", dryRun);
  await check("release, to a registry of the test", () => publishToRegistry(folder));
  await check("npm publish by hand is refused", refuseNpm);
}

async function inBrowser() {
  const { browser, unavailable } = started;
  const visits = {
    "Vite: build, page and Worker": bundleWithVite,
    "Vite: build, isolated page": isolatedBundle,
    "Vite: development, page and Worker": developWithVite,
    "esbuild: README's first program": bundleWithEsbuild,
    "page without a bundler": pageWithoutBundler,
    "isolated page without a bundler": isolatedPage,
    "page with setWasmPaths of its own": ownWasmPaths,
    "the page of docs/guide/page.md": documentedPage,
  };
  const skip = unavailable && "no browser can be started here";
  for (const [name, visit] of Object.entries(visits)) await check(name, () => visit(folder, browser), skip);
}

try {
  const ready =
    (await check(
      "pack",
      async () => Object.assign(tarballs, await pack(folder)) && Object.keys(tarballs).join(", "),
    )) &&
    (await check("install with npm", () => installIn(folder, tarballs))) &&
    // What the others are compared with.
    (await check("import in Node", () => importAll(folder)));
  if (ready) {
    await Promise.all([inNode(), inBrowser()]);
    await check("testing, with fast-check", () => useTesting(folder));
  }
} finally {
  await started.close?.();
}
process.exitCode = failed > 0 ? 1 : 0;
