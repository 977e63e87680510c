/** Do links to files of the repository, and to headings in them, lead somewhere? */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./blocks.ts";

/** Packages' READMEs are read outside of the repository, too: their links into it are whole addresses. */
const HOME = "https://github.com/hypergrad/hypergrad/blob/main/";

/** The place that a heading has in an address: as GitHub makes it. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");

function anchorsOf(path: string): string[] {
  const prose = readFileSync(path, "utf8").replace(/^\s*```[\s\S]*?^\s*```/gm, "");
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchor(heading.replaceAll("`", "")));
}

/** The links of a page that lead nowhere, as `page:line: link`. */
export function brokenLinks(page: string, markdown: string = readFileSync(join(root, page), "utf8")): string[] {
  return markdown.split("\n").flatMap((text, index) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
      const inside = link.startsWith(HOME);
      if (!inside && /^[a-z]+:/.test(link)) return [];
      const [file = "", heading] = (inside ? link.slice(HOME.length) : link).split("#");
      const path = file === "" ? join(root, page) : join(root, inside ? "" : dirname(page), file);
      const found = existsSync(path) && (!heading || (statSync(path).isFile() && anchorsOf(path).includes(heading)));
      return found ? [] : [`${page}:${index + 1}: ${link}`];
    }),
  );
}
