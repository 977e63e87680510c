import { expect, it } from "vitest";
import { programsOf, shellsOf } from "./blocks.ts";
import { commandProblems } from "./commands.ts";
import { brokenLinks } from "./links.ts";
import { Runner } from "./run.ts";
import { typeErrors } from "./types.ts";

const fence = "```";
const page = (...lines: string[]) => lines.join("\n").replaceAll("~~~", fence);

it("A block that continues another is part of its program, every line where the page has it", () => {
  const programs = programsOf(
    "a.md",
    page("# A", "~~~ts", "const a = 1;", "~~~", "words", "  ~~~ts continued", "  a;", "  ~~~", "~~~ts", "~~~"),
  );
  expect(programs).toEqual([
    { page: "a.md", line: 2, kind: "node", text: "\n\nconst a = 1;\n\n\n\n  a;" },
    { page: "a.md", line: 9, kind: "node", text: "\n\n\n\n\n\n\n\n" },
  ]);
});

it("A comment holds lines that are part of a program and not shown", () => {
  const [program] = programsOf("a.md", page("<!-- ts", "const a = 1;", "-->", "~~~ts continued", "a;", "~~~"));
  expect(program?.text).toBe("\nconst a = 1;\n\n\na;");
});

it("A block that continues nothing, says something unknown or has no end is named by page and line", () => {
  expect(() => programsOf("a.md", page("", "~~~ts continued", "~~~"))).toThrow(
    /^a\.md:2: there is no program before it/,
  );
  expect(() => programsOf("a.md", page("~~~ts later", "~~~"))).toThrow(
    /^a\.md:1: "later" after ts; expected nothing or one of continued, browser, fragment/,
  );
  expect(() => programsOf("a.md", page("words", "~~~ts", "const a = 1;"))).toThrow(/^a\.md:2: .* has no end/);
});

it("A wrong type and a name that nothing declares are found, by page and line", () => {
  const programs = programsOf(
    "docs/a.md",
    page("# A", "~~~ts", 'const a: number = "1";', "console.log(a, model);", "~~~"),
  );
  expect(typeErrors(programs)).toEqual([
    "docs/a.md:3: Type 'string' is not assignable to type 'number'.",
    "docs/a.md:4: Cannot find name 'model'.",
  ]);
}, 120_000);

it("A program that throws fails, and its trace names page and line", async () => {
  const [program] = programsOf("docs/a.md", page("# A", "~~~ts", 'throw new Error("no");', "~~~"));
  const runner = new Runner();
  try {
    await runner.prepare([program!]);
    const { code, output } = await runner.run(program!);
    expect(code).toBe(1);
    expect(output).toContain("Error: no");
    expect(output).toContain("docs/a.md:3");
  } finally {
    runner.dispose();
  }
});

it("A command that the repository does not have is found", () => {
  const shells = shellsOf(
    "a.md",
    page("~~~sh", "npm start -- --quick   # words", "", "npm run nothing", "node scripts/nothing.mjs", "~~~"),
  );
  expect(shells.flatMap(commandProblems)).toEqual([
    'a.md:1: "npm run nothing": package.json has no script "nothing"',
    'a.md:1: "node scripts/nothing.mjs": there is no scripts/nothing.mjs',
  ]);
});

it("A link to a file or a heading that is not there is found", () => {
  const text = "[a](README.md#try-it) [b](nothing.md)\n[c](README.md#nothing) [d](https://example.org)";
  expect(brokenLinks("a.md", text)).toEqual(["a.md:1: nothing.md", "a.md:2: README.md#nothing"]);
});
