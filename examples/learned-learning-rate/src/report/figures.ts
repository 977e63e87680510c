/** The parts of the report that are charts: each with a caption that says what is seen, computed from the numbers. */
import { type Chart, type Content, type Html, html, NARROW, plot, significant } from "@hypergrad/example-kit";
import { median, startOf } from "../analysis.ts";
import { BASES, LEARNERS, TOWERS, type TowerName } from "../methods.ts";
import type { StudyResult } from "../result.ts";
import { BAD_START, TOWER_BASES } from "../study.ts";
import { ALL_HEIGHTS, heightColor, sweepChart } from "./charts/sweep.ts";
import { lossTraces, rateTraces, type Traced } from "./charts/traces.ts";
import { type Comparison, comparisons, lastRates, learnedRun } from "./comparisons.ts";
import { grained, ranOnce, sweepInWords, towerInWords } from "./findings.ts";
import { grainsTable, gridTable, towersTable } from "./tables.ts";
import { lossText } from "./words.ts";

const OTHER: readonly TowerName[] = ["sgd", "adam-log", "log"];

/** Part 1: towers. */
export async function towers(study: StudyResult): Promise<Html> {
  const charts: Html[] = [];
  for (const { name, label } of study.problems) {
    for (const base of TOWER_BASES) {
      charts.push(
        await figure(`${label} · ${BASES[base].label}`, [(room) => sweepChart(study, name, base, "adam", { room })], {
          below: sweepInWords(study, name, base, "adam"),
        }),
      );
    }
  }
  const others: Html[] = [];
  for (const tower of OTHER) {
    const row: Html[] = [];
    for (const { name, label } of study.problems) {
      const small = { room: NARROW, height: 180 };
      row.push(
        await figure(label, [() => sweepChart(study, name, "adam", tower, small)], {
          below: sweepInWords(study, name, "adam", tower),
        }),
      );
    }
    others.push(html`<h3>${TOWERS[tower].label}</h3>
<p class="note">${TOWERS[tower].remark} ${towerInWords(study, tower)}</p><div class="grid three">${row}</div>`);
  }
  const key = legend(
    ALL_HEIGHTS.map((height) => ({
      label: height === 0 ? "fixed rate" : `height ${height}`,
      color: heightColor(height),
    })),
  );
  return html`<section><h2>1 · Does a tower forgive a bad start?</h2>
<p>The learning rate is learned by an optimizer, whose own rate is learned by an optimizer, and so on. Every level starts from the value on the horizontal axis; every
learner is Adam, in the plain coordinate: height 2 is <code>learned(α, adam({ lr: learned(α, adam({ lr: α })) }))</code>. Adam moves a number by about its rate in a step, so a
level above adds a power of the number of steps to what the rate can reach.</p>
<p class="note">${ranOnce(study) ? "" : "Lines are medians over the seeds, bands reach from the best to the worst seed. "}The dashed line is the loss before training; what is worse, or diverged, lies at the upper edge.
A start is good if it goes 90 % of the way from the loss before training to that of the best fixed rate.</p>
${key}<div class="grid">${charts}</div>
<h3>Good starts; below, the median loss over all starts · the loss from the best start</h3>${towersTable(study)}
<h2>What else was tried</h2>
<p class="note">Other ways to build the same towers on Adam${ranOnce(study) ? "" : ", from the first seed only (the bands are those of the fixed rates)"}.</p>
${key}${others}</section>`;
}

/** Part 2: one run against a grid. */
export async function grid(study: StudyResult): Promise<Html> {
  const charts: Html[] = [];
  for (const comparison of comparisons(study)) {
    const traced = lines(comparison);
    const runs = (["log", "hd"] as const).map((by) => learnedRun(comparison, by, BAD_START));
    charts.push(
      await figure(
        comparison.label,
        [() => lossTraces(traced, startOf(study, comparison.problem)), () => rateTraces(traced)],
        {
          below: `From ${significant(comparison.blind.outcome.method.rate.lr)}: ${runs
            .map(
              ({ by, loss, beats }) =>
                `${LEARNERS[by].label} ends at ${lossText(loss)} (beats ${beats} of ${comparison.runs} rates)`,
            )
            .join(
              ", ",
            )}; left alone ${lossText(comparison.blind.loss)}; best of ${comparison.runs} runs ${lossText(comparison.fixed.loss)}.`,
        },
      ),
    );
  }
  return html`<section><h2>2 · One learned run against a grid search</h2>
<p>The grid search trains with ${study.rates.length} fixed rates and keeps the best. Against it stands one run that starts from a hundredth of that best rate and learns.
Hypergradient descent is <code>${LEARNERS.hd.notation}</code>, Baydin’s form; Adam in log is <code>${LEARNERS.log.notation}</code>.</p>
<p class="note">The grid’s winner is chosen by the same losses that it is credited with, which favours the grid. It costs ${study.rates.length} runs${ranOnce(study) ? "" : " for every seed"}; each learned run costs one. A rate of nearly 0 lies at the lower edge of its chart.</p>
${legend(lines(comparisons(study)[0] as Comparison))}<div class="grid three">${charts}</div>
<h3>Final loss by start; below, how many of the grid’s ${study.rates.length} rates it beats</h3>${gridTable(study)}</section>`;
}

function lines(comparison: Comparison): Traced[] {
  return [
    { outcome: comparison.blind.outcome, label: "fixed, a hundredth of the best", color: "var(--blind)" },
    { outcome: comparison.fixed.outcome, label: "fixed, best of the grid", color: "var(--fixed)" },
    {
      outcome: learnedRun(comparison, "hd", BAD_START).outcome,
      label: "hypergradient descent, from a hundredth",
      color: "var(--orange)",
    },
    {
      outcome: learnedRun(comparison, "log", BAD_START).outcome,
      label: "Adam in log, from a hundredth",
      color: "var(--blue)",
    },
  ];
}

/** Part 3: short sight. */
export async function shortSight(study: StudyResult): Promise<Html> {
  const charts: Html[] = [];
  let key: Html | null = null;
  for (const comparison of comparisons(study)) {
    const { cosine, fixed } = comparison;
    if (!cosine) continue;
    const run = learnedRun(comparison, "log", 1);
    const traced: Traced[] = [
      { outcome: fixed.outcome, label: "fixed, best of the grid", color: "var(--fixed)" },
      { outcome: cosine.outcome, label: "cosine, best peak of the grid", color: "var(--green)" },
      { outcome: run.outcome, label: "learned by Adam in log, from the best fixed rate", color: "var(--blue)" },
    ];
    key ??= legend(traced);
    const last = median(lastRates(run.outcome));
    charts.push(
      await figure(
        comparison.label,
        [() => lossTraces(traced, startOf(study, comparison.problem)), () => rateTraces(traced)],
        {
          below: `Learning moves the rate from ${significant(fixed.lr)} to ${significant(Number(last.toPrecision(2)))} and ends at ${lossText(run.loss)}; left alone ${lossText(fixed.loss)}; cosine from ${significant(cosine.lr)}: ${lossText(cosine.loss)}.`,
        },
      ),
    );
  }
  return html`<section><h2>3 · How short-sighted is it?</h2>
<p>The hyper-gradient asks what the next loss would have been. A rate that is good for the next step need not be good for the run: noise and steep directions punish a large rate at once,
what it gains in flat directions comes later (Wu et al., 2018). So here learning starts from the best rate there is, and a cosine schedule, which knows when the run ends, has its peak chosen by a grid of its own.</p>
${key}<div class="grid three">${charts}</div></section>`;
}

/** Part 4: grains. */
export async function grainFigures(study: StudyResult): Promise<Html> {
  const charts: Html[] = [];
  for (const { label, rows, base } of grained(study)) {
    const [model, tensor] = rows;
    if (base !== "adam" || !model || !tensor) continue;
    const names = Object.keys(tensor.outcome.trajectories?.[0]?.lr ?? {});
    const traced: Traced[] = [
      { outcome: model.outcome, label: "the model’s", color: "var(--fixed)" },
      ...names.map((parameter, i) => ({
        outcome: tensor.outcome,
        label: parameter,
        color: TENSOR_COLORS[i % TENSOR_COLORS.length] as string,
        parameter,
      })),
    ];
    charts.push(
      await figure(label, [(room = 500) => rateTraces(traced, { room, height: 200 })], { above: legend(traced) }),
    );
  }
  return html`<section><h2>4 · One rate for the model, or one for each tensor?</h2>
<p>Adam in log, from a hundredth of the best fixed rate, with one learned rate for the whole model, for each tensor, for each output channel or for each single weight: <code>learned(α, by, { per })</code>.</p>
<h3>Final loss</h3>${grainsTable(study)}
<p class="note">The rates that the tensors learned under Adam${ranOnce(study) ? "" : ", medians over the seeds with bands from the least to the most"}.</p>
<div class="grid">${charts}</div></section>`;
}

const TENSOR_COLORS = ["var(--blue)", "var(--orange)", "var(--green)", "var(--purple)", "var(--ochre)", "var(--pink)"];

async function figure(
  caption: string,
  charts: readonly ((room?: number) => Chart)[],
  { above = null, below = null }: { above?: Content; below?: string | null } = {},
): Promise<Html> {
  const drawn: Html[] = [];
  for (const draw of charts) drawn.push(await plot(draw));
  return html`<figure class="card"><figcaption>${caption}</figcaption>${above}${drawn}${below === null ? null : html`<p class="seen">${below}</p>`}</figure>`;
}

function legend(items: readonly { label: string; color: string }[]): Html {
  return html`<ul class="legend lines">${items.map(({ label, color }) => html`<li><i style="background:${color}"></i>${label}</li>`)}</ul>`;
}
