import { describe, expect, test } from "vitest";
import { percentEstimate } from "../src/report/format.ts";
import { renderPrecondition, renderTable } from "../src/report/table.ts";
import { syntheticStudy } from "./synthetic.ts";

describe("the terminal's table", () => {
  test("holds every method, every domain, every accuracy with its standard error, and the seconds per step", () => {
    const study = syntheticStudy();
    const table = renderTable(study, { colors: false, width: 200 });
    for (const { name } of study.domains) expect(table).toContain(name);
    for (const method of study.methods) {
      const row = table.split("\n").find((line) => line.includes(` ${method.label} `));
      for (const value of [...Object.values(method.accuracy), method.shifted])
        expect(row).toContain(percentEstimate(value));
    }
    expect(table).toContain(String(Number(study.methods[1]?.secondsPerStep.toPrecision(3))));
  });

  test("puts the fine-tuned domain first, wherever the study has it", () => {
    const study = syntheticStudy();
    study.domains.reverse();
    const [, head = ""] = renderTable(study, { colors: false, width: 200 }).split("\n");
    expect(head.indexOf("photo")).toBeLessThan(head.indexOf("negative"));
  });

  test("prints the best mean out of distribution in bold, and nothing in bold without colours", () => {
    const study = syntheticStudy();
    const best = study.methods.reduce((a, b) => (b.shifted.mean > a.shifted.mean ? b : a));
    expect(renderTable(study, { colors: true, width: 200 })).toContain(
      `\u001b[1m${percentEstimate(best.shifted)}\u001b[22m`,
    );
    expect(renderTable(study, { colors: false, width: 200 })).not.toContain("\u001b");
  });

  test("takes two lines a row where the terminal is narrow", () => {
    const study = syntheticStudy();
    const widest = (text: string) => Math.max(...text.split("\n").map((line) => line.length));
    const wide = renderTable(study, { colors: false, width: 200 });
    const narrow = renderTable(study, { colors: false, width: 110 });
    expect(widest(narrow)).toBeLessThanOrEqual(110);
    expect(narrow.split("\n").length).toBeGreaterThan(wide.split("\n").length);
  });

  test("leaves the standard error away with one seed", () => {
    expect(renderTable(syntheticStudy({ seeds: 1 }), { colors: false, width: 200 })).not.toContain("±");
  });
});

describe("the precondition in words", () => {
  test("says that there is something to measure, with the accuracies before and after", () => {
    const text = renderPrecondition({
      ...syntheticStudy(),
      precondition: {
        probe: { inDistribution: 0.8, shifted: 0.7 },
        finetuned: { inDistribution: 0.93, shifted: 0.6 },
        holds: true,
      },
    });
    expect(text).toContain("There is something to measure");
    expect(text).toContain("from 70.0 to 60.0 % (−10.0 points) out of distribution");
    expect(text).toContain("from 80.0 to 93.0 % (+13.0 points) in distribution");
  });

  test("says plainly where it does not hold, and where it was not checked", () => {
    const study = syntheticStudy();
    const fails = (shifted: number) => {
      const accuracy = { inDistribution: 0.9, shifted };
      return renderPrecondition({
        ...study,
        precondition: { probe: { ...accuracy, shifted: 0.7 }, finetuned: accuracy, holds: false },
      });
    };
    expect(fails(0.698)).toContain(
      "does not test robustness: plain fine-tuning costs too little accuracy out of distribution.",
    );
    expect(fails(0.71)).toContain("does not test robustness: plain fine-tuning costs no accuracy out of distribution.");
    expect(renderPrecondition({ ...study, precondition: null })).toContain("Not checked");
  });
});
