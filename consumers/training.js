/**
 * The training that every consumer does, given the packages as it came by them: a small model of layers, FTP and a learned rate, on WASM.
 * Nothing in it is random, so that all get the same numbers.
 */
export async function trainWith({ tf, core, optimizers, ftp }) {
  await tf.setBackend("wasm");
  const { adam, adamw } = optimizers;
  const numbers = (seed) => tf.initializers.randomNormal({ stddev: 0.3, seed });
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        filters: 3,
        kernelSize: 3,
        activation: "relu",
        inputShape: [6, 6, 1],
        kernelInitializer: numbers(1),
      }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 2, activation: "softmax", kernelInitializer: numbers(2), name: "head" }),
    ],
  });
  const lr = core.learned(1e-2, adam({ lr: 0.02 }), { in: "log" });
  const optimizer = core.hyper(ftp.ftp(adamw({ lr }), { exclude: "head", channelAxis: core.channelAxesOf(model) }));
  model.compile({ optimizer, loss: "categoricalCrossentropy" });

  const images = tf.tensor(
    Array.from({ length: 16 * 36 }, (_, i) => ((i * i) % 17) / 17 - 0.5),
    [16, 6, 6, 1],
  );
  const answers = tf.oneHot(
    tf.tensor1d(
      Array.from({ length: 16 }, (_, i) => i % 2),
      "int32",
    ),
    2,
  );
  const { history } = await model.fit(images, answers, { epochs: 8, batchSize: 16, shuffle: false, verbose: 0 });
  return { backend: tf.getBackend(), losses: history.loss, hyperparameters: await optimizer.hyperparameters() };
}
