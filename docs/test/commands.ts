/** Are there the commands that a page tells people to type? */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root, type Shell } from "./blocks.ts";

const scripts: Readonly<Record<string, string>> = JSON.parse(readFileSync(`${root}package.json`, "utf8")).scripts;

/** What is wrong with the commands of a block, as `page:line: message`: an npm script or a file that the repository has not. */
export function commandProblems({ page, line, commands }: Shell): string[] {
  return commands.flatMap((command) => {
    const problem = problemOf(command.split(/\s+/));
    return problem ? [`${page}:${line}: "${command}": ${problem}`] : [];
  });
}

function problemOf([program, first = "", second = ""]: readonly string[]): string | undefined {
  if (program === "npm") {
    const script = first === "run" ? second : ["start", "test"].includes(first) ? first : undefined;
    return script && !scripts[script] ? `package.json has no script "${script}"` : undefined;
  }
  if (program === "node") {
    // What is built comes from a source of the same name.
    const source = first.replace("/dist/", "/src/").replace(/\.js$/, ".ts");
    return existsSync(join(root, first)) || existsSync(join(root, source)) ? undefined : `there is no ${first}`;
  }
  return undefined;
}
