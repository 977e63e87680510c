/** CommonJS: Node 20.19 and newer `require` ES modules, as long as none of them awaits at its top level. */
const tf = require("@tensorflow/tfjs");
require("@hypergrad/wasm");
const core = require("@hypergrad/core");
const optimizers = require("@hypergrad/optimizers");
const ftp = require("@hypergrad/ftp");

const packages = { tf, core, optimizers, ftp };
import("./training.js")
  .then(({ trainWith }) => trainWith(packages))
  .then((trained) => console.log(JSON.stringify(trained)));
