import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tryOutputs, writeOutputs } from "../src/index.ts";

describe("the files of a study", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "outputs-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const output = (...path: string[]) => ({ option: "--out", path: join(folder, ...path) });

  it("have folders made for them, and leave nothing there when they are tried", () => {
    tryOutputs([output("a", "b", "study.json")]);
    expect(readdirSync(join(folder, "a", "b"))).toEqual([]);
  });

  it("are refused below a file, and in the place of a folder, by the name of the option", () => {
    writeFileSync(join(folder, "file"), "kept");
    expect(() => tryOutputs([output("file", "study.json")])).toThrow(
      `--out: ${join(folder, "file")} is a file; expected a folder.`,
    );
    expect(() => tryOutputs([output("file", "below", "study.json")])).toThrow("is a file; expected a folder.");
    mkdirSync(join(folder, "study.json"));
    expect(() => tryOutputs([output("study.json")])).toThrow("is a folder; expected a place for a file.");
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("kept");
  });

  it.runIf(existsSync("/proc/self"))("are refused below /proc, where a folder can never be made", () => {
    expect(() => tryOutputs([{ option: "--out", path: "/proc/nothing/below/study.json" }])).toThrow(
      /^--out: the folder \/proc\/nothing cannot be made \(.*\); give another\.$/,
    );
    expect(() => tryOutputs([{ option: "--report", path: "/proc/report.html" }])).toThrow(
      /^--report: nothing can be written in \/proc \(.*\); give another\.$/,
    );
  });

  it("are written over what was there", () => {
    const outputs = [output("study.json"), output("report.html")];
    writeOutputs(outputs.map((each) => ({ ...each, text: "old" })));
    writeOutputs(outputs.map((each) => ({ ...each, text: "new" })));
    expect(outputs.map(({ path }) => readFileSync(path, "utf8"))).toEqual(["new", "new"]);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it("stay as they were, all of them, where one cannot be written", () => {
    const outputs = [output("study.json"), output("gone", "report.html")];
    tryOutputs(outputs);
    writeOutputs(outputs.map((each) => ({ ...each, text: "old" })));
    rmSync(join(folder, "gone"), { recursive: true });
    expect(() => writeOutputs(outputs.map((each) => ({ ...each, text: "new" })))).toThrow(
      /^--out: .*report\.html cannot be written \(.*\); nothing was changed there\.$/,
    );
    expect(readFileSync(join(folder, "study.json"), "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["study.json"]);
  });
});
