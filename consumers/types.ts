/** What a strict program says of the types; nothing of it runs. */
import {
  type Checkpoint,
  cosine,
  type HyperOptimizer,
  hyper,
  learned,
  nonNegative,
  type RuleFactory,
  rule,
  type StepInfo,
} from "@hypergrad/core";
import { type Executor, tensorExecutor } from "@hypergrad/core/executors";
import { ftp } from "@hypergrad/ftp";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
import "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";

export const signSgd: RuleFactory<"lr"> = rule({
  name: "signSgd",
  hyperparameters: { lr: nonNegative(1e-3) },
  state: {},
  update: ({ p, g, lr }) => ({ p: p.sub(g.sign().mul(lr)) }),
});

const optimizer: HyperOptimizer = hyper(ftp(adamw({ lr: learned(1e-3, adam({ lr: 0.02 }), { in: "log" }) })), {
  onStep: ({ step }: StepInfo) => console.log(step),
});
// @ts-expect-error There is no such hyperparameter.
sgd({ learningRate: 0.1 });
// @ts-expect-error A rate is no text.
sgd({ lr: "0.1" });

export const usual: tf.Optimizer = hyper(signSgd({ lr: cosine(1e-3, { steps: 10 }) }));
export const saved: Promise<Checkpoint> = optimizer.checkpoint();
export const executor: typeof tensorExecutor = tensorExecutor;
export type { Executor };

const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] });
model.compile({ optimizer, loss: "meanSquaredError" });
