import { describe, expect, test } from "vitest";
import { costsRobustness, difference, findings, overheadInWords, roleOf } from "../src/report/findings.ts";
import type { MethodResult, StudyResult } from "../src/result.ts";
import { estimate } from "../src/statistics.ts";
import { syntheticStudy } from "./synthetic.ts";

/** A study with AdamW and AdamW + FTP in which FTP's accuracy out of distribution differs by these amounts, seed by seed. */
function studyWith(differences: readonly number[]): StudyResult {
  const study = syntheticStudy({ seeds: differences.length, methods: ["adamw", "adamw+ftp"] });
  for (const [index, method] of study.methods.entries()) {
    for (const [seed, run] of method.runs.entries()) {
      // Seeds differ by far more than methods do: only a comparison seed by seed can see the difference.
      const base = 0.6 + 0.05 * seed + index * (differences[seed] ?? 0);
      run.accuracy = Object.fromEntries(study.domains.map(({ name, finetuned }) => [name, finetuned ? 0.9 : base]));
    }
    method.shifted = estimate(method.runs.map((run) => run.accuracy.sketch ?? 0));
  }
  return study;
}

function pair(study: StudyResult): [MethodResult, MethodResult] {
  const [plain, projected] = study.methods;
  if (plain === undefined || projected === undefined) throw new Error("two methods were asked for");
  return [plain, projected];
}

describe("the comparison of two methods", () => {
  test("is made seed by seed, so that a difference between the seeds does not hide one between the methods", () => {
    const [plain, projected] = pair(studyWith([0.02, 0.021, 0.019]));
    const found = difference(projected, plain, ["sketch"]);
    expect(found.mean).toBeCloseTo(0.02, 12);
    expect(found).toMatchObject({ clear: 1, wins: 3, seeds: 3 });
  });

  test("is not clear within two standard errors, nor with one seed", () => {
    const [plain, projected] = pair(studyWith([0.03, -0.02, 0.01]));
    expect(difference(projected, plain, ["sketch"])).toMatchObject({ clear: 0, wins: 2 });
    const [one, other] = pair(studyWith([0.1]));
    expect(difference(other, one, ["sketch"])).toMatchObject({ clear: 0, standardError: null });
  });
});

describe("the headline", () => {
  test("says that FTP is better where it clearly is", () => {
    expect(findings(studyWith([0.06, 0.065, 0.055])).headline).toBe(
      "Out of distribution, AdamW + FTP is 6.0 ± 0.3 points better than AdamW.",
    );
  });

  test("says that FTP is worse where it clearly is", () => {
    expect(findings(studyWith([-0.06, -0.065, -0.055])).headline).toBe(
      "Out of distribution, AdamW + FTP is 6.0 ± 0.3 points worse than AdamW.",
    );
  });

  test("claims nothing where the difference is within the error", () => {
    expect(findings(studyWith([0.03, -0.02, 0.01])).headline).toMatch(/^No clear difference .*within the error\.$/);
  });

  test("says so where not fine-tuning at all is better still", () => {
    const study = syntheticStudy();
    for (const run of study.methods[0]?.runs ?? []) {
      for (const { name } of study.domains) run.accuracy[name] = 0.95 + 0.001 * run.seed;
    }
    for (const method of study.methods.slice(0, 1)) method.shifted = estimate([0.951, 0.952, 0.953]);
    expect(findings(study).headline).toMatch(/better than AdamW\. Still better, by .* points: no fine-tuning/);
  });

  test("warns where every method ran once, and then speaks neither of seeds nor of errors", () => {
    const { headline, details } = findings(studyWith([0.06]));
    expect(headline).toMatch(/^In one run each, which can’t tell chance from effect: .* 6\.0 points better/);
    expect([headline, ...details.map(({ text }) => text)].join()).not.toMatch(/seed|error|±/);
  });

  test("names the domains on which FTP clearly loses", () => {
    const study = studyWith([0.06, 0.065, 0.055]);
    for (const run of pair(study)[1].runs) run.accuracy.clutter = 0.2;
    expect(
      findings(study)
        .details.map(({ text }) => text)
        .join(),
    ).toMatch(/Clearly worse on clutter/);
  });
});

describe("plain fine-tuning costs robustness", () => {
  const costs = (differences: readonly number[]) => {
    const [probe, finetuned] = pair(studyWith(differences));
    return costsRobustness(probe, finetuned, ["sketch"]);
  };

  test("where it loses a point or more", () => {
    expect(costs([-0.03])).toBe(true);
    expect(costs([-0.002])).toBe(false);
    expect(costs([0.03])).toBe(false);
  });

  test("and more than chance does, where that is known", () => {
    expect(costs([-0.03, -0.031, -0.029])).toBe(true);
    expect(costs([-0.06, 0.02, -0.01])).toBe(false);
  });
});

test("what a method is, is read off from what it measured", () => {
  expect(syntheticStudy().methods.map(roleOf)).toEqual(["frozen", "free", "projected", "projected"]);
});

describe("what a step costs", () => {
  test("is stated for every projected method, against plain fine-tuning", () => {
    const study = syntheticStudy();
    const [, , projected] = study.methods;
    const percent = (100 * projected!.overhead!).toFixed(1);
    expect(overheadInWords(study)).toContain(`with ${projected!.label} ${percent} % more time`);
    expect(findings(study).details.map(({ subject }) => subject)).toContain("What a step costs");
  });

  test("is not stated where nothing was fine-tuned plainly", () => {
    const study = syntheticStudy();
    expect(overheadInWords({ ...study, methods: study.methods.slice(2) })).toBeUndefined();
  });
});
