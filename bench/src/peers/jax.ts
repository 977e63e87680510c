/** The MLP's whole training step in jax-js, under jit, on its WASM device. */
import { networks } from "../networks/catalogue.js";
import { examplesOf, weightsOf } from "../networks/layers.js";

const { batch: BATCH, classes: CLASSES } = networks.MLP;

/** AdamW's numbers. */
const [LR, BETA1, BETA2, EPS, DECAY] = [1e-3, 0.9, 0.999, 1e-8, 0.01];

type Jax = typeof import("@jax-js/jax");
type A = InstanceType<Jax["numpy"]["Array"]>;

/** The loss of the MLP. Every function consumes its arguments; `.ref` keeps one for another use. */
const lossIn =
  ({ nn, numpy: np }: Jax) =>
  ([w1, b1, w2, b2, w3, b3]: A[], x: A, y: A): A => {
    const h1 = nn.relu(np.matmul(x, w1 as A).add(b1 as A));
    const h2 = nn.relu(np.matmul(h1, w2 as A).add(b2 as A));
    const logits = np.matmul(h2, w3 as A).add(b3 as A);
    return nn
      .logSoftmax(logits, -1)
      .mul(y)
      .sum()
      .mul(-1 / BATCH);
  };

/** AdamW's step with the gradients of that loss. */
const stepIn = (jax: Jax) => {
  const { jit, numpy: np, valueAndGrad } = jax;
  const loss = lossIn(jax);
  return jit((p: A[], m: A[], v: A[], c1: A, c2: A, x: A, y: A) => {
    const [value, gradients] = valueAndGrad(loss)(
      p.map((each) => each.ref),
      x,
      y,
    ) as [A, A[]];
    const next: [A[], A[], A[]] = [[], [], []];
    gradients.forEach((g, i) => {
      const mi = (m[i] as A).mul(BETA1).add(g.ref.mul(1 - BETA1));
      const vi = (v[i] as A).mul(BETA2).add(np.square(g).mul(1 - BETA2));
      const update = mi.ref.mul(c1.ref).div(np.sqrt(vi.ref.mul(c2.ref)).add(EPS));
      next[0].push((p[i] as A).mul(1 - LR * DECAY).sub(update.mul(LR)));
      next[1].push(mi);
      next[2].push(vi);
    });
    c1.dispose();
    c2.dispose();
    return [...next, value] as const;
  });
};

/** One step for each call, which returns the loss before it. */
export async function trainer(): Promise<() => Promise<number>> {
  // Node 20 has none, and jax-js looks at it when it is loaded.
  if (!("navigator" in globalThis)) Object.assign(globalThis, { navigator: { hardwareConcurrency: 2 } });
  const jax = await import("@jax-js/jax");
  const { blockUntilReady, defaultDevice, init, numpy: np } = jax;
  await init("wasm");
  defaultDevice("wasm");
  const weights = weightsOf(networks.MLP);
  const examples = examplesOf(networks.MLP);
  let p = weights.map(({ values, shape }) => np.array(values as Float32Array<ArrayBuffer>).reshape([...shape]));
  let m = weights.map(({ shape }) => np.zeros([...shape]));
  let v = weights.map(({ shape }) => np.zeros([...shape]));
  const x = np.array(examples.x as Float32Array<ArrayBuffer>).reshape([BATCH, 784]);
  const oneHot = new Float32Array(BATCH * CLASSES);
  examples.labels.forEach((label, i) => {
    oneHot[i * CLASSES + label] = 1;
  });
  const y = np.array(oneHot).reshape([BATCH, CLASSES]);
  const step = stepIn(jax);

  let t = 0;
  return async () => {
    t++;
    const corrections = [1 / (1 - BETA1 ** t), 1 / (1 - BETA2 ** t)].map((c) => np.array(c)) as [A, A];
    const [newP, newM, newV, value] = step(p, m, v, ...corrections, x.ref, y.ref) as unknown as [A[], A[], A[], A];
    [p, m, v] = [newP, newM, newV];
    for (const each of await blockUntilReady(p.map((each) => each.ref))) each.dispose();
    return (await value.data())[0] as number;
  };
}
