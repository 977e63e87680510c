/**
 * What the packages export is a list that somebody has read: `exports.txt`. A name that is added or lost changes it (`npx vitest run docs/test/exports -u` writes it), and is seen in review.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { root } from "./blocks.ts";

/** The entries of every package, by the name that is imported, and the sources that they are built from. */
function entries(): { name: string; source: string }[] {
  return readdirSync(join(root, "packages")).flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8"));
    return Object.entries<string | { types?: string }>(exports).flatMap(([entry, target]) => {
      if (typeof target === "string" || !target.types) return [];
      const source = target.types.replace("/dist/", "/src/").replace(/\.d\.ts$/, ".ts");
      return [{ name: name + entry.slice(1), source: join(root, "packages", folder, source) }];
    });
  });
}

/** The names that an entry's source exports, those of types marked. */
function exportsOf(source: string): string[] {
  const file = ts.createSourceFile(source, readFileSync(source, "utf8"), ts.ScriptTarget.Latest);
  const names = file.statements.filter(ts.isExportDeclaration).flatMap(({ exportClause, isTypeOnly }) => {
    if (!exportClause) throw new Error(`${source}: export *; an entry names what it exports`);
    if (ts.isNamespaceExport(exportClause)) return [exportClause.name.text];
    return exportClause.elements.map(({ name, ...each }) => (isTypeOnly || each.isTypeOnly ? "type " : "") + name.text);
  });
  const other = file.statements.some(
    (each) => ts.canHaveModifiers(each) && each.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword),
  );
  if (other) throw new Error(`${source}: declares what it exports; an entry only names it`);
  return names.sort();
}

it("The exports of the packages are those in exports.txt", async () => {
  const list = entries().map(({ name, source }) =>
    [name, ...exportsOf(source).map((each) => `  ${each}`), ""].join("\n"),
  );
  await expect(list.join("\n")).toMatchFileSnapshot("exports.txt");
});
