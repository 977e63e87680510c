/** Packs the packages as they would be published. */
import { join } from "node:path";
import { pnpm, run, tool, workspacePackages } from "../workspace.mjs";

/** The packages that are published. */
export const published = () => workspacePackages().filter(({ manifest }) => !manifest.private);

/** Runs a command that has to succeed; resolves to its output. */
export async function succeed(command, options) {
  const { code, output } = await run(command, options);
  if (code !== 0) throw new Error(`${command.slice(1).join(" ")} ended with ${code}:\n${output}`);
  return output;
}

/**
 * Builds and packs all packages.
 *
 * @returns The tarballs' files by the packages' names.
 */
export async function pack(folder) {
  await succeed(tool("tsc", "-b"));
  await succeed(pnpm("-r", "--filter", "./packages/*", "pack", "--pack-destination", folder));
  return Object.fromEntries(
    published().map(({ manifest: { name, version } }) => {
      const file = `${name.slice(1).replace("/", "-")}-${version}.tgz`;
      return [name, join(folder, file)];
    }),
  );
}
