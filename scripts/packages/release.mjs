/** A release, as far as it goes without npm: a version is made in a copy, and the packages are published to a registry that only takes down what comes. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { npm, readJson, root, workspacePackages } from "../workspace.mjs";
import { published, succeed } from "./pack.mjs";
import { publish } from "./publish.mjs";
import { nextVersion, unready } from "./version.mjs";

/** What a version is made of, in a folder of its own; what waits for the next version stays behind. */
function copyOf(folder) {
  const manifests = workspacePackages().map((each) => join(each.folder, "package.json"));
  const files = [
    "package.json",
    "pnpm-workspace.yaml",
    ".changeset",
    "CHANGELOG.md",
    "docs/guide/page.md",
    ...manifests,
  ];
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file), {
      recursive: true,
      filter: (path) => !/\.changeset.+\.md$/.test(path),
    });
  }
  const changelog = join(folder, "CHANGELOG.md");
  const news = readFileSync(changelog, "utf8").replace("## Unreleased\n", "## Unreleased\n\nSomething new.\n");
  writeFileSync(changelog, news);
  return folder;
}

function wants(condition, problem) {
  if (!condition) throw new Error(problem);
}

/** A changeset for one package makes the next minor version of all. */
export async function makeVersion(folder) {
  const copy = copyOf(join(folder, "version"));
  const read = (file) => readFileSync(join(copy, file), "utf8");
  writeFileSync(join(copy, ".changeset", "news.md"), '---\n"@hypergrad/core": minor\n---\n\nSomething new.\n');
  const [major, minor] = readJson(join(copy, "package.json")).version.split(".").map(Number);
  const expected = `${major}.${minor + 1}.0`;
  wants(unready(copy)?.includes("not become a version"), "a changeset that waits does not hold a release up");
  const version = await nextVersion(copy, "2030-01-31");
  wants(version === expected, `the version is ${version}, not ${expected}`);
  for (const { folder: each } of published()) {
    const manifest = readJson(join(copy, each, "package.json"));
    wants(manifest.version === expected, `${each} has version ${manifest.version}`);
    for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
      wants(!name.startsWith("@hypergrad/") || range === "workspace:^", `${each} needs ${name} ${range}`);
    }
  }
  wants(readJson(join(copy, "package.json")).version === expected, "the root has another version");
  wants(read("CHANGELOG.md").includes(`## Unreleased\n\n## ${expected} - 2030-01-31\n`), "CHANGELOG.md has no section");
  wants(read("docs/guide/page.md").includes(`/@hypergrad/core@${expected}/`), "docs/guide/page.md has the old version");
  wants(unready(copy) === undefined, `the version cannot be published: ${unready(copy)}`);
  wants(!existsSync(join(copy, "packages", "core", "CHANGELOG.md")), "there is a second changelog");
  const again = await nextVersion(copy, "2030-01-31").catch(({ message }) => message);
  wants(again.includes("nothing new"), `without a changeset there is ${again}`);
  return `${expected} in a copy`;
}

/** Serves a registry that has nothing; answers with what was asked of it, and with what was published there. */
async function withRegistry(work) {
  const [requests, uploads] = [[], []];
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    requests.push(`${request.method} ${decodeURIComponent(request.url)}`);
    if (request.method === "PUT") uploads.push(JSON.parse(Buffer.concat(parts)));
    response.writeHead(request.method === "PUT" ? 201 : 404, { "Content-Type": "application/json" }).end("{}");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work(`http://127.0.0.1:${server.address().port}/`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  return { requests, uploads };
}

/** The command of CONTRIBUTING.md uploads nothing. */
export async function dryRun() {
  const command = (registry) => npm("run", "release", "--", "--dry-run", "--registry", registry);
  const { requests } = await withRegistry((registry) => succeed(command(registry)));
  const others = requests.filter((request) => !request.startsWith("GET /@hypergrad/"));
  wants(others.length === 0, `it asked for ${others.join(", ")}`);
  wants(requests.length === published().length, `it asked for ${requests.join(", ")}`);
  return "nothing was uploaded";
}

/** What arrives can be installed: public, with versions in place of workspace:, each package after those that it needs. */
export async function publishToRegistry(folder) {
  const { uploads } = await withRegistry((registry) => {
    const userconfig = join(folder, "npmrc");
    writeFileSync(userconfig, `${registry.replace("http:", "")}:_authToken=none\n`);
    return publish({ registry, env: { ...process.env, npm_config_userconfig: userconfig } });
  });
  const names = uploads.map(({ name }) => name);
  wants(names.length === published().length, `published: ${names.join(", ")}`);
  uploads.forEach(({ name, access, versions }, index) => {
    const [manifest] = Object.values(versions);
    wants(access === "public", `${name} is not public`);
    wants(!/workspace:|catalog:/.test(JSON.stringify(manifest)), `${name} speaks of the workspace`);
    const late = Object.keys(manifest.dependencies ?? {}).filter((other) => names.indexOf(other) > index);
    wants(late.length === 0, `${name} comes before ${late.join(", ")}`);
  });
  return names.join(", ");
}

/** npm by itself packs and publishes nothing, and says what to do. */
export async function refuseNpm() {
  const cwd = join(root, "packages", "core");
  for (const command of [npm("pack", "--dry-run"), npm("publish", "--dry-run")]) {
    const refusal = await succeed(command, { cwd }).catch(({ message }) => message);
    wants(refusal.includes("npm run release -- --dry-run"), `${command.join(" ")} is not refused: ${refusal}`);
  }
}
