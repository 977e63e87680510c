import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { parseOptions } from "../src/cli.ts";

function parse(...args: string[]) {
  const printed: string[] = [];
  const keep = (text: string) => printed.push(text);
  const program = new Command().exitOverride().configureOutput({ writeErr: keep, writeOut: keep });
  try {
    return { options: parseOptions(["node", "main.js", ...args], program), printed: printed.join("") };
  } catch {
    return { options: undefined, printed: printed.join("") };
  }
}

describe("the command line of the study", () => {
  it("has defaults for everything", () => {
    expect(parse().options).toEqual({
      quick: false,
      seeds: 5,
      steps: 500,
      json: "results/learned-learning-rate.json",
      report: "results/learned-learning-rate.html",
    });
  });

  it("makes a quick run shorter, and lets an option overrule it", () => {
    const quick = parse("--quick").options;
    expect(quick?.steps).toBeLessThan(parse().options?.steps ?? 0);
    expect(parse("--quick", "--seeds", "2").options).toMatchObject({ seeds: 2, steps: quick?.steps });
  });

  it("tells of every option", () => {
    for (const option of ["--quick", "--seeds", "--steps", "--json", "--report"]) {
      expect(parse("--help").printed).toContain(option);
    }
  });

  it.each([
    [["--seeds", "0"], /--seeds.*'0'.*whole number, at least 1/s],
    [["--seeds", "1.5"], /--seeds.*'1.5'.*whole number, at least 1/s],
    [["--steps", "many"], /--steps.*'many'.*whole number, at least 10/s],
    [["--json", "numbers.txt"], /--json.*'numbers.txt'.*ends in .json/s],
    [["--report", "page"], /--report.*'page'.*ends in .html/s],
    [["--sedes", "2"], /unknown option '--sedes'/],
    [["quick"], /too many arguments/],
  ])("refuses %j and says what it expected", (args, message) => {
    const { options, printed } = parse(...args);
    expect(options).toBeUndefined();
    expect(printed).toMatch(message);
    expect(printed).toContain("--help");
  });
});
