import "@hypergrad/wasm";
import { useBackend } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { beats, best, finalLoss, forgiveness, median, sweep } from "../src/analysis.ts";
import type { Pool } from "../src/pool.ts";
import { PROBLEM_NAMES } from "../src/problems/index.ts";
import { findings } from "../src/report/findings.ts";
import { renderReport } from "../src/report/html.ts";
import { renderTables } from "../src/report/terminal.ts";
import type { StudyResult } from "../src/result.ts";
import { study } from "../src/study.ts";
import { type Job, work } from "../src/worker.ts";

/** Does the runs here, one after the other. */
const pool: Pool = {
  async runAll(jobs, onDone) {
    const results: Awaited<ReturnType<typeof work>>[] = [];
    for (const job of jobs) {
      results.push(await work(job));
      onDone(job);
    }
    return results;
  },
  close: async () => {},
};

const RATES = [1e-3, 0.1, 10];
/** How much of its own total a study said was done, in the end. */
let shareDone = 0;
const miniature = () =>
  study({ quick: true, seeds: 1, steps: 10, rates: RATES }, pool, (total) => ({
    update: (done) => {
      shareDone = done / total;
    },
    stop: () => {},
  }));
const withoutTimes = ({ date: _, seconds: __, ...rest }: StudyResult) => rest;

describe("a run", () => {
  const job: Job = {
    problem: "spirals",
    method: { base: "adam", rate: { kind: "tower", tower: "adam", lr: 0.01, height: 2 } },
    seed: 1,
    steps: 60,
    traced: true,
  };

  test("gives the same numbers every time, lowers the loss, and leaves no tensor behind", async () => {
    const one = await work(job);
    const { numTensors } = tf.memory();
    expect(await work(job)).toEqual(one);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(one.loss.at(-1)).toBeLessThan((one.loss[0] as number) / 2);
    expect(one.steps.at(-1)).toBe(60);
    for (const rates of Object.values(one.lr)) expect(rates).toHaveLength(one.steps.length);
  });

  test("ends alike whether it is traced or not", async () => {
    const [traced, not] = [await work(job), await work({ ...job, traced: false })];
    expect(not.loss.at(-1)).toBe(traced.loss.at(-1));
    expect(not.steps).toEqual([0, 60]);
  });

  test("that diverges stops and says so", async () => {
    const method = { base: "momentum", rate: { kind: "fixed", lr: 1e4 } } as const;
    const { diverged, loss, steps } = await work({ ...job, problem: "least-squares", method });
    expect(diverged).toBe(true);
    expect(loss.at(-1)).toBeNull();
    expect(steps.at(-1)).toBeLessThan(60);
  });

  test("that overflows in a step whose rates are written down stops and says so, with the rates that it had", async () => {
    const method = { base: "sgd", rate: { kind: "fixed", lr: 1e38 } } as const;
    const { diverged, loss, lr } = await work({ ...job, problem: "least-squares", method, traced: true });
    expect(diverged).toBe(true);
    expect(loss.at(-1)).toBeNull();
    for (const rates of Object.values(lr)) {
      expect(rates).toHaveLength(loss.length);
      expect(rates.every(Number.isFinite)).toBe(true);
    }
  });

  test("follows its schedule", async () => {
    const { lr } = await work({ ...job, method: { base: "sgd", rate: { kind: "cosine", lr: 0.1 } } });
    const rates = Object.values(lr)[0] as number[];
    expect(rates[0]).toBe(0.1);
    expect(rates.at(-1)).toBeLessThan(0.001);
  });
});

describe("a study in miniature", () => {
  let result: StudyResult;
  let page: string;

  beforeAll(async () => {
    await useBackend("wasm");
    result = await miniature();
    page = await renderReport(result);
  });

  test("has the same numbers when it is run again", async () => {
    expect(withoutTimes(await miniature())).toEqual(withoutTimes(result));
  });

  test("knew beforehand how much there was to do", () => {
    expect(shareDone).toBe(1);
  });

  test("survives JSON, so that the report can be drawn from the file", async () => {
    expect(await renderReport(JSON.parse(JSON.stringify(result)))).toBe(page);
  });

  test("sweeps every problem, optimizer and height over all rates", () => {
    for (const problem of PROBLEM_NAMES) {
      for (const height of [0, 1, 2, 3, 4]) {
        expect(sweep(result, problem, "adam", { tower: "adam", height })).toHaveLength(RATES.length);
        expect(sweep(result, problem, "sgd", { tower: "adam", height })).toHaveLength(RATES.length);
      }
    }
  });

  test("is told in a table whose numbers are the study's", () => {
    const printed = renderTables(result);
    expect(printed).toContain(findings(result).headline);
    expect(printed).not.toMatch(/NaN|Infinity|undefined/);
    const { good, of } = forgiveness(
      result,
      "digits",
      "adam",
      sweep(result, "digits", "adam", { tower: "adam", height: 0 }),
    );
    expect(printed.split("\n").find((line) => line.includes("Digits, Adam"))).toContain(`${good}/${of}`);
  });

  test("is reported on one self-contained page with every chart", () => {
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/https?:|<script|<link|@import/);
    expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/);
    // 6 sweeps and 2 of tensors' rates, for wide screens and for phones; 9 of other towers, 9 comparisons and 6 of short sight with two charts each, that fit both
    expect(page.match(/<svg /g)).toHaveLength(2 * (6 + 2) + 9 + 18 + 12);
  });

  test("knows the best of a grid, and what beats it", () => {
    const winner = best(result.outcomes, "spirals", "sgd", "fixed");
    expect(beats(result, winner)).toBe(RATES.length - 1);
    expect(beats(result, { ...winner, loss: [0] })).toBe(RATES.length);
    expect(beats(result, { ...winner, loss: [null] })).toBe(0);
  });
});

test("the middle of the seeds counts a diverged run as the worst", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  const outcome = {
    problem: "digits",
    method: { base: "sgd", rate: { kind: "fixed", lr: 1 } },
    trajectories: null,
  } as const;
  expect(finalLoss({ ...outcome, loss: [1, null, 2] })).toEqual({
    middle: 2,
    least: 1,
    most: Number.POSITIVE_INFINITY,
  });
  expect(finalLoss({ ...outcome, loss: [null, null, 2] }).middle).toBe(Number.POSITIVE_INFINITY);
});
