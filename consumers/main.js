/** The program of an ES module in Node, of a bundle and of a page without one: it trains as soon as it is imported. */
import * as core from "@hypergrad/core";
import * as ftp from "@hypergrad/ftp";
import * as optimizers from "@hypergrad/optimizers";
import "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import { trainWith } from "./training.js";

globalThis.trained = trainWith({ tf, core, optimizers, ftp });
