/**
 * The benchmarks: optimizer steps on the WASM backend, as ratios to named peers.
 */
import { writeFileSync } from "node:fs";
import { hyper, learned, type Spec } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import Table from "cli-table3";
import { Command } from "commander";
import { type Contender, compare, type Row } from "./measure.js";

/** Steps of an optimizer on tensors of these shapes, with gradients that stay the same. */
function steps(optimizer: tf.Optimizer, shapes: readonly number[][]): Contender {
  const variables = shapes.map((shape, i) => tf.variable(tf.randomNormal(shape, 0, 1, "float32", i)));
  const gradients = variables.map(({ name, shape }, i) => ({
    name,
    tensor: tf.randomNormal(shape, 0, 1, "float32", 1000 + i),
  }));
  return {
    step: () => optimizer.applyGradients(gradients),
    dispose() {
      optimizer.dispose();
      tf.dispose([variables, gradients.map(({ tensor }) => tensor)]);
    },
  };
}

/** A learning rate learned by a tower of SGDs of this height. */
function tower(height: number): Spec {
  return height === 0 ? sgd({ lr: 1e-12 }) : sgd({ lr: learned(1e-12, tower(height - 1)) });
}

const matrix = (parameters: number): number[][] => [[parameters / 100, 100]];
/** 150 tensors and about 10⁶ parameters, of the sizes of a small vision transformer. */
const vit: number[][] = Array.from({ length: 150 }, (_, i) => (i % 3 === 0 ? [112, 112 + 64] : [112]));

async function main(): Promise<void> {
  const { json } = new Command("npm run bench --")
    .description("Measures optimizer steps on the WASM backend against named peers, and prints a table of ratios.")
    .option("--json <file>", "also write the rows as JSON")
    .parse()
    .opts<{ json?: string }>();
  await tf.setBackend("wasm");
  const rows: Row[] = [];
  const tfAdam = () => tf.train.adam(1e-3);
  for (const [parameters, rounds] of [
    [1e5, 60],
    [1e6, 30],
  ] as const) {
    const shapes = matrix(parameters);
    const work = `one step, ${parameters.toExponential(0)} parameters in one matrix`;
    const row = (name: string, spec: Spec, peer: string, theirs: () => tf.Optimizer): void => {
      rows.push(compare({ row: name, work, peer }, steps(hyper(spec), shapes), steps(theirs(), shapes), rounds));
    };
    const plain = () => hyper(adamw({ lr: 1e-3 }));
    row("AdamW", adamw({ lr: 1e-3 }), "tf.train.adam", tfAdam);
    row("AdamW, learned lr", adamw({ lr: learned(1e-3, tower(0)) }), "AdamW", plain);
    row("AdamW + FTP", ftp(adamw({ lr: 1e-3 })), "AdamW", plain);
    row("a tower of height 4 on lr", adamw({ lr: learned(1e-3, tower(3)) }), "height 1", () =>
      hyper(adamw({ lr: learned(1e-3, tower(0)) })),
    );
  }
  const work = "one step, 150 tensors and 10⁶ parameters";
  rows.push(
    compare(
      { row: "AdamW + FTP", work, peer: "tf.train.adam" },
      steps(hyper(ftp(adamw({ lr: 1e-3 }))), vit),
      steps(tfAdam(), vit),
      15,
    ),
  );

  const table = new Table({
    head: ["", "work", "peer", "ours, ms", "peer, ms", "ratio"],
    style: { head: [], border: [] },
  });
  for (const { row, work, peer, oursMs, peerMs, ratio } of rows) {
    table.push([row, work, peer, oursMs.toFixed(2), peerMs.toFixed(2), ratio.toFixed(2)]);
  }
  console.log(`${table.toString()}\nMedians, measured in turns; a ratio below 1 is faster than the peer.`);
  if (json) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
}

await main();
