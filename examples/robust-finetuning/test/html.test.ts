import { NARROW } from "@hypergrad/example-kit";
import { describe, expect, test } from "vitest";
import { percent, percentEstimate } from "../src/report/format.ts";
import { renderReport } from "../src/report/html.ts";
import type { StudyResult } from "../src/result.ts";
import { syntheticStudy } from "./synthetic.ts";

/** What would show that a number or a thing was missing when the page was put together. */
const HOLES = /NaN|Infinity|undefined|\[object/;

async function render(study: StudyResult): Promise<string> {
  const page = await renderReport(study);
  expect(page.replace(/base64,[^"]*/g, "")).not.toMatch(HOLES);
  return page;
}

describe("the report", () => {
  test("is one self-contained document: no script, and no address from which anything could be fetched", async () => {
    const page = await render(syntheticStudy());
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/https?:/);
    expect(page).not.toMatch(/<script|<link|@import|url\((?!#)/);
    expect(
      [...page.matchAll(/ (?:src|href)="([^"]{0,22})/g)].every(([, start]) => start === "data:image/png;base64,"),
    ).toBe(true);
  });

  test("shows every method, every domain with its pictures, every class and every accuracy", async () => {
    const study = syntheticStudy();
    const page = await render(study);
    for (const { label, description, accuracy } of study.methods) {
      expect(page).toContain(label);
      expect(page).toContain(description);
      for (const { mean, standardError } of Object.values(accuracy)) {
        expect(page).toContain(`${percent(mean)} <small>± ${percent(standardError ?? 0)}</small>`);
      }
    }
    for (const { name, description, samples } of study.domains) {
      expect(page).toContain(`<h3>${name}`);
      expect(page).toContain(description);
      for (const { image } of samples) expect(page).toContain(image);
    }
    for (const name of study.classes) expect(page).toContain(name);
  });

  test("draws accuracy, curves, rates, radii, bound rows and distances", async () => {
    const page = await render(syntheticStudy());
    // 2 of accuracy by method, 1 by domain, 1 of rates, and for 2 methods with FTP radii and bound rows, 1 of distances: all for wide screens and for phones; 3 curves that fit both
    expect(page.match(/<svg /g)).toHaveLength(2 * (2 + 1 + 1 + 2 + 2 + 1) + 3);
    expect(page).toContain("mixer/0/token/in/kernel");
  });

  test("has a drawing of every chart that fits on a screen of 390 pixels", async () => {
    const page = await render(syntheticStudy());
    const widths = [...page.matchAll(/<div class="plot(?: narrow)?"><svg [^>]*viewBox="0 0 (\d+)/g)].map(([, width]) =>
      Number(width),
    );
    expect(widths).toHaveLength(2 + 1 + 3 + 1 + 2 + 2 + 1);
    expect(Math.max(...widths)).toBeLessThanOrEqual(NARROW);
  });

  test("calls settings by words", async () => {
    const page = await render(syntheticStudy());
    expect(page).toContain("<th>rate of the radius’s learner</th>");
    expect(page).not.toMatch(/radiusLr|weightDecay|hyperLr/);
  });

  test("shows every candidate of the tuning and marks the chosen one", async () => {
    const study = syntheticStudy();
    const page = await render(study);
    const candidates = study.tuning.methods.flatMap((method) => method.candidates);
    for (const { validation } of candidates) expect(page).toContain(`<td>${percentEstimate(validation)}</td>`);
    expect(page.match(/<tr class="chosen">/g)).toHaveLength(study.tuning.methods.length);
  });

  test("escapes text from the study", async () => {
    const study = syntheticStudy();
    const evil = `<img src=x onerror="alert('1')"> & more`;
    for (const domain of study.domains) {
      domain.description = evil;
      for (const sample of domain.samples) sample.label = evil;
    }
    for (const method of study.methods) method.label = evil;
    study.backend.reason = evil;
    const page = await render(study);
    expect(page).not.toContain("<img src=x");
    expect(page).toContain("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt; &amp; more");
  });

  test("draws a method's name in a chart as text, too", async () => {
    const study = syntheticStudy({ methods: ["adamw"] });
    const [method] = study.methods;
    if (method !== undefined) method.label = "<b>bold</b>";
    expect(await render(study)).not.toContain("<b>bold</b>");
  });

  test("does without standard errors where there is one seed", async () => {
    const page = await render(syntheticStudy({ seeds: 1 }));
    expect(page).not.toContain("<small>±");
    expect(page).toContain("In one run each");
    expect(page.slice(0, page.indexOf("How the hyperparameters")).replace(/<svg .*?<\/svg>/g, "")).not.toMatch(
      /seeds?\b/,
    );
  });

  test.each(["probe", "adamw", "adamw+ftp"])("can be drawn of %s alone", async (name) => {
    const page = await render(syntheticStudy({ methods: [name] }));
    expect(page).toContain("Not checked");
  });

  test("says plainly that the precondition does not hold", async () => {
    const study = syntheticStudy();
    if (study.precondition !== null) study.precondition.holds = false;
    expect(await render(study)).toContain("This run does not test robustness");
  });

  test("survives a study that was tuned nowhere, traced nothing and lost a number", async () => {
    const study = syntheticStudy();
    study.tuning.methods = [];
    for (const { runs } of study.methods) {
      for (const run of runs) {
        run.layers = {};
        run.traced = [];
        run.lr = [];
        for (const point of run.curve.slice(0, 1)) point.trainLoss = Number.NaN;
      }
    }
    expect(await render(study)).toContain("Training loss");
  });

  test("stays small when a study was long", async () => {
    const study = syntheticStudy();
    const short = (await render(study)).length;
    for (const { runs } of study.methods) {
      for (const run of runs) {
        const long = <T>(list: T[]): T[] => list.flatMap((value) => Array.from({ length: 60 }, () => value));
        run.lr = long(run.lr);
        run.traced = run.traced.flatMap((step) => Array.from({ length: 60 }, (_, at) => step * 60 + at));
        for (const layer of Object.values(run.layers)) {
          layer.radius = long(layer.radius);
          layer.bound = long(layer.bound);
          layer.distance = long(layer.distance);
        }
      }
    }
    expect((await render(study)).length).toBeLessThan(3 * short);
  });
});
