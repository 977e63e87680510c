import "./main.js";

globalThis.trained.then(
  (answer) => postMessage({ answer }),
  (error) => postMessage({ error: error.message }),
);
