/**
 * What a study measured, as one plain object: the JSON file holds exactly this, and the table and the HTML report are
 * drawn from nothing else.
 */

/** One evaluation of the model while it was trained. */
export interface CurvePoint {
  /** Training steps taken so far. */
  step: number;
  /** Mean training loss (nats per picture) since the point before. */
  trainLoss: number;
  /** Accuracy on the fine-tuning domain's validation set, in [0, 1]. */
  validation: number;
  /** Mean accuracy over the other domains' validation sets, in [0, 1]; drawn in the report, never used to choose anything. */
  shifted: number;
}

/** What was traced for one tensor of the model; every list is parallel to `Run.traced`. */
export interface LayerTrace {
  /** The learned radius, in the units of the norm; empty where the method learns none. */
  radius: number[];
  /** Share of the tensor's rows (output channels) whose norm reaches the radius, in [0, 1]; empty where nothing is projected. */
  bound: number[];
  /** Distance from the pre-trained tensor: mean over the rows of their L1 distance. */
  distance: number[];
}

/** One method trained from one seed. */
export interface Run {
  seed: number;
  /** Test accuracy by domain, in [0, 1]. */
  accuracy: Record<string, number>;
  curve: CurvePoint[];
  /** The steps at which `layers` and `lr` were traced. */
  traced: number[];
  /** By variable name. */
  layers: Record<string, LayerTrace>;
  /** The learning rate in force at every traced step. */
  lr: number[];
}

/** A mean over seeds and its standard error (sample standard deviation / √seeds; null with one seed). */
export interface Estimate {
  mean: number;
  standardError: number | null;
}

/** One method over all seeds. */
export interface MethodResult {
  /** The name on the command line. */
  name: string;
  /** The name for people. */
  label: string;
  /** One sentence: what it does. */
  description: string;
  /** The hyperparameters that were used, for people (name → value). */
  settings: Record<string, string>;
  runs: Run[];
  /** By domain. */
  accuracy: Record<string, Estimate>;
  /** Mean over the domains that were not fine-tuned on. */
  shifted: Estimate;
  /** Median wall-clock seconds of one training step (forward, backward and optimizer), all methods measured in turns; 0 where nothing is trained by steps. */
  secondsPerStep: number;
  /** By how much a training step takes longer than AdamW's, as a share: the median of ratios taken round by round; null where that was not compared. */
  overhead: number | null;
}

/** One candidate of a tuning. */
export interface Candidate {
  settings: Record<string, number>;
  /** Accuracy on the fine-tuning domain's validation set, over the tuning seeds. */
  validation: Estimate;
  /** How far the pre-trained tensors moved: mean over all rows of their L1 distance, and over the seeds. */
  distance: number;
  chosen: boolean;
}

/** How one method's hyperparameters were chosen: every candidate that was tried, with its validation accuracy. */
export interface TuningResult {
  method: string;
  candidates: Candidate[];
}

/** A domain of pictures. */
export interface DomainResult {
  name: string;
  /** One sentence: what its pictures look like. */
  description: string;
  /** True for the one domain that is fine-tuned on. */
  finetuned: boolean;
  /** Some test pictures as `data:image/png;base64,…` with the name of their class. */
  samples: { image: string; label: string }[];
}

/** Everything that one run of the study measured. */
export interface StudyResult {
  /** Format of this file. */
  format: "hypergrad-study/1";
  /** When it was started, ISO 8601. */
  date: string;
  /** The command line's options. */
  options: Record<string, string | number | boolean>;
  /** Wall-clock seconds of the whole study. */
  seconds: number;
  machine: { node: string; cpu: string; cores: number };
  /** `computing`: on how many threads, and how. `executors`: what ran optimizer steps on it, and why nothing faster did. */
  backend: { name: string; reason: string; computing: string; executors: string };
  domains: DomainResult[];
  classes: string[];
  data: { train: number; validation: number; testPerDomain: number };
  model: { description: string; parameters: number; pretraining: string };
  training: { steps: number; batchSize: number; schedule: string };
  methods: MethodResult[];
  /**
   * Is there anything to measure: does plain fine-tuning cost a point or more out of distribution, and more than chance does? Plain fine-tuning's and the linear probe's accuracy, on the fine-tuned domain and on the mean of
   * the others; null where one of the two was not among the methods that ran.
   */
  precondition: {
    probe: { inDistribution: number; shifted: number };
    finetuned: { inDistribution: number; shifted: number };
    holds: boolean;
  } | null;
  tuning: { description: string; seeds: number[]; methods: TuningResult[] };
}
