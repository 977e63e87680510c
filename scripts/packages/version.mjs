/** The next version: from the changesets, into the manifests, the changelog, and the addresses that a page of the guide shows. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJson, tool } from "../workspace.mjs";
import { succeed } from "./pack.mjs";

const core = join("packages", "core", "package.json");

/** Changesets that no version has taken up yet. */
const changesets = (root) =>
  readdirSync(join(root, ".changeset")).filter((name) => name.endsWith(".md") && name !== "README.md");

const hasSection = (changelog, version) => changelog.includes(`\n## ${version} `);

/** Rewrites a file. */
function edit(path, change) {
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

/** What stands under "Unreleased" gets the version's name. */
function released(changelog, version, date) {
  const [, news] = /\n## Unreleased\n([\s\S]*?)(?=\n## |$)/.exec(changelog) ?? [];
  if (!news?.trim()) throw new Error('CHANGELOG.md has nothing under "## Unreleased": say there what is new.');
  return changelog.replace("\n## Unreleased\n", `\n## Unreleased\n\n## ${version} - ${date}\n`);
}

/**
 * Takes up the changesets. Without one there is a version to be made only before the first release, when the changelog has no section yet for the one that the manifests have.
 *
 * @param root A folder with the repository's manifests, .changeset, CHANGELOG.md and docs/guide/page.md.
 * @param date As the changelog writes it.
 * @returns The version.
 */
export async function nextVersion(root, date) {
  const before = readJson(join(root, core)).version;
  if (changesets(root).length > 0) await succeed(tool("changeset", "version"), { cwd: root });
  else if (hasSection(readFileSync(join(root, "CHANGELOG.md"), "utf8"), before)) {
    throw new Error(`There is nothing new since ${before}: no changeset in .changeset (npm run changeset writes one).`);
  }
  const { version } = readJson(join(root, core));
  edit(join(root, "CHANGELOG.md"), (text) => released(text, version, date));
  edit(join(root, "package.json"), (text) => text.replace(/("version": )"[^"]*"/, `$1"${version}"`));
  edit(join(root, "docs", "guide", "page.md"), (text) => text.replace(/(\/@hypergrad\/\w+@)[\d.]+/g, `$1${version}`));
  return version;
}

/** Why this version cannot be published, if it cannot. */
export function unready(root) {
  const { version } = readJson(join(root, core));
  const waiting = changesets(root);
  if (waiting.length > 0) return `${waiting.length} changesets have not become a version yet`;
  if (!hasSection(readFileSync(join(root, "CHANGELOG.md"), "utf8"), version)) {
    return `CHANGELOG.md has no section for ${version} yet`;
  }
  return undefined;
}
