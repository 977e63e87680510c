/**
 * Publishes the packages.
 *
 *   node scripts/release.mjs --dry-run    packs them and asks the registry what it has; publishes nothing, whatever the state of the repository
 *   node scripts/release.mjs              after all checks; on main, with everything committed
 *   … --registry URL                      to another registry than npm's
 */
import { parseArgs } from "node:util";
import { publish } from "./packages/publish.mjs";
import { unready } from "./packages/version.mjs";
import { readJson, root, run } from "./workspace.mjs";

const { values } = parseArgs({ options: { "dry-run": { type: "boolean" }, registry: { type: "string" } } });
const dry = values["dry-run"] ?? false;

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Runs a command that shows what it does, and has to succeed. */
async function must(...command) {
  const { code, output } = await run(command, { live: true });
  if (code !== 0) fail(`${command.join(" ")} ended with ${code}. Nothing more was done.`);
  return output.trim();
}

const reason = unready(root);
if (reason && !dry) fail(`Not published: ${reason}; npm run next-version makes one.`);
if (!dry) {
  if ((await must("git", "branch", "--show-current")) !== "main") fail("Not published: a release is made on main.");
  if (await must("git", "status", "--porcelain")) fail("Not published: not everything is committed.");
  await must(process.execPath, "scripts/check.mjs");
}
await publish({ dry, registry: values.registry, live: true }).catch(({ message }) => fail(message));
const { version } = readJson(`${root}/packages/core/package.json`);
if (dry) console.log(`A dry run: nothing was published.${reason ? ` A release would be refused: ${reason}.` : ""}`);
else {
  await must("git", "tag", `v${version}`);
  console.log(`Published ${version}. Push the tag: git push origin v${version}`);
}
