/** What people read is true: every program on a page type-checks and runs, every command exists, every link leads somewhere. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pages, programsOf, shellsOf, sources } from "./blocks.ts";
import { commandProblems } from "./commands.ts";
import { brokenLinks } from "./links.ts";
import { Runner } from "./run.ts";
import { typeErrors } from "./types.ts";

const programs = [...pages(), ...sources()].flatMap((page) => programsOf(page));
const runnable = programs.filter(({ kind }) => kind === "node");

describe("The programs on the pages", () => {
  const runner = new Runner();
  beforeAll(() => runner.prepare(runnable));
  afterAll(() => runner.dispose());

  it("are found", () => {
    expect(runnable.map(({ page }) => page)).toContain("README.md");
  });

  it("pass the strict type check", () => {
    expect(typeErrors(programs.filter(({ kind }) => kind !== "fragment"))).toEqual([]);
  }, 240_000);

  it.each(runnable.map((program) => ({ where: `${program.page}:${program.line}`, program })))(
    "$where runs in Node",
    async ({ program }) => {
      const { code, output } = await runner.run(program);
      expect(code, output).toBe(0);
    },
    180_000,
  );

  it("are no fragments, with few exceptions", () => {
    const fragments = programs.filter(({ kind }) => kind === "fragment").map(({ page, line }) => `${page}:${line}`);
    expect(fragments.length, fragments.join(", ")).toBeLessThanOrEqual(2);
  });
});

it("The commands on the pages exist", () => {
  expect(
    pages()
      .flatMap((page) => shellsOf(page))
      .flatMap(commandProblems),
  ).toEqual([]);
});

it("The links between the pages lead somewhere", () => {
  expect(pages().flatMap((page) => brokenLinks(page))).toEqual([]);
});
