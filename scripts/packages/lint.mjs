/** Two linters look at the tarballs: publint, of package.json, and "are the types wrong", of the declarations. */
import { readFileSync } from "node:fs";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

/** What publint has against a package; a warning counts, as in its strict mode, a suggestion does not. */
async function problemsOfManifest(bytes) {
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
  return messages.filter(({ type }) => type !== "suggestion").map((message) => formatMessage(message, pkg));
}

/** That CommonJS gets ES modules is what we mean it to; as Node 10 did it, nobody resolves any more. */
async function problemsOfTypes(bytes) {
  const { types, problems } = await checkPackage(createPackageFromTarballData(new Uint8Array(bytes)));
  if (!types) return ["it has no types"];
  return problems
    .filter(({ kind, resolutionKind }) => kind !== "CJSResolvesToESM" && resolutionKind !== "node10")
    .map((problem) => JSON.stringify(problem));
}

export async function lint(tarballs) {
  const problems = [];
  for (const [name, file] of Object.entries(tarballs)) {
    const bytes = readFileSync(file);
    const found = [...(await problemsOfManifest(bytes)), ...(await problemsOfTypes(bytes))];
    problems.push(...found.map((problem) => `${name}: ${problem}`));
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
}
