import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { parseOptions } from "../src/cli.ts";

function parse(...args: string[]) {
  const printed: string[] = [];
  const program = new Command().exitOverride().configureOutput({ writeErr: (text) => printed.push(text) });
  try {
    return { options: parseOptions(["node", "main.js", ...args], program), printed: printed.join("") };
  } catch {
    return { options: undefined, printed: printed.join("") };
  }
}

describe("the command line of the study", () => {
  it("has defaults for everything", () => {
    expect(parse().options).toMatchObject({
      quick: false,
      seed: 1,
      backend: "wasm",
      model: "mixer",
      methods: ["probe", "adamw", "ftp", "ftp-lr"],
      out: "results",
    });
  });

  it("makes a quick run shorter, and lets an option overrule it", () => {
    const quick = parse("--quick").options;
    expect(quick?.steps).toBeLessThan(parse().options?.steps ?? 0);
    expect(parse("--quick", "--seeds", "2").options).toMatchObject({ seeds: 2, steps: quick?.steps });
  });

  it("takes methods in any order and shows them in the table's", () => {
    expect(parse("--methods", "ftp, adamw").options?.methods).toEqual(["adamw", "ftp"]);
  });

  it.each([
    [["--methods", "adamw,sgd"], /--methods.*"sgd" is no method; expected some of probe, adamw, ftp, ftp-lr/s],
    [["--model", "resnet"], /--model.*'resnet'.*mixer, conv/s],
    [["--backend", "cuda"], /--backend.*'cuda'.*auto, wasm, cpu, tensorflow, webgpu/s],
    [["--steps", "many"], /--steps.*'many'.*whole number, at least 10/s],
    [["--seeds", "0"], /--seeds.*'0'.*whole number, at least 1/s],
    [["--sedes", "2"], /unknown option '--sedes'/],
  ])("refuses %j and says what it expected", (args, message) => {
    const { options, printed } = parse(...args);
    expect(options).toBeUndefined();
    expect(printed).toMatch(message);
    expect(printed).toContain("--help");
  });
});
