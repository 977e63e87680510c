/**
 * Makes a fresh clone ready, with nothing but Node and npm on the machine, and does nothing twice: dependencies are installed when
 * the lockfile, a manifest or Node's major version changed since the last time; the build is TypeScript's own incremental one.
 *
 *   node scripts/setup.mjs                   install and build
 *   node scripts/setup.mjs --install-only    install
 *   node scripts/setup.mjs --run FILE …      install, build, and run a program with the arguments after it
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { pnpm, readJson, root, run, tool, workspacePackages } from "./workspace.mjs";

const major = Number(process.versions.node.split(".")[0]);
if (major < 20) {
  console.error(`Hypergrad needs Node 20 or newer; this is Node ${process.versions.node}. See https://nodejs.org`);
  process.exit(1);
}

const stamp = join(root, "node_modules", ".hypergrad-setup");

function fingerprint() {
  const hash = createHash("sha256").update(`node ${major} ${process.platform} ${process.arch}\n`);
  const manifests = workspacePackages().map(({ folder }) => `${folder}/package.json`);
  for (const file of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ...manifests.sort()]) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

/** The stamp names the folder, too: a copied node_modules is looked through again. */
const installed = () =>
  existsSync(stamp) &&
  readFileSync(stamp, "utf8") === `${fingerprint()} ${root}` &&
  workspacePackages().every(({ folder }) => existsSync(join(root, folder, "node_modules")));

async function install() {
  const command = pnpm("install", "--frozen-lockfile");
  console.log(
    `Installing dependencies with ${readJson(join(root, "package.json")).packageManager.replace("@", " ")} …`,
  );
  // CI=true: pnpm asks nothing, terminal or not.
  const { code, output } = await run(command, { env: { ...process.env, CI: "true" } });
  if (code !== 0) {
    console.error(`${output}\nInstalling the dependencies failed (exit code ${code}): the output above says why.`);
    process.exit(1);
  }
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(stamp, `${fingerprint()} ${root}`);
}

async function build() {
  const { code, output } = await run(tool("tsc", "-b"));
  if (code !== 0) {
    console.error(`${output}\nThe build failed (exit code ${code}): the output above says why.`);
    process.exit(1);
  }
}

if (!installed()) await install();
const [option, file, ...rest] = process.argv.slice(2);
if (option !== "--install-only") await build();
if (option === "--run") {
  // In this very process: one program that a signal reaches, in place of a shell with two.
  const program = join(root, file);
  process.argv.splice(1, Number.POSITIVE_INFINITY, program, ...rest);
  await import(pathToFileURL(program).href);
}
