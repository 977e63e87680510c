/** Publishes what pnpm packs, in the order in which the packages need each other; what the registry has already is left out. */
import { pnpm, tool } from "../workspace.mjs";
import { succeed } from "./pack.mjs";

/**
 * @param options `dry`: everything but the upload. `registry`: another than npm's. `env`: of the commands. `live`: shows their output.
 * @throws Error with the output of what failed.
 */
export async function publish({ dry = false, registry, env, live = false }) {
  await succeed(tool("tsc", "-b"));
  const options = ["--no-git-checks", ...(dry ? ["--dry-run"] : []), ...(registry ? ["--registry", registry] : [])];
  return succeed(pnpm("-r", "--filter", "./packages/*", "publish", ...options), { env, live });
}
