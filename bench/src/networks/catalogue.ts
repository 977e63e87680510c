/** The networks that are trained. */
import type { Description, Layer } from "./layers.js";

const conv = (size: number, channels: number, stride = 1): Layer[] => [
  { op: "conv", size, channels, stride, bias: false },
  { op: "batchNorm" },
];

/** MobileNetV2's inverted residual: wider by 1 × 1, depthwise, narrower by 1 × 1. */
function inverted(from: number, to: number, stride: number, expansion = 6): Layer[] {
  const layers: Layer[] = [
    ...(expansion > 1 ? [...conv(1, from * expansion), { op: "relu6" } as const] : []),
    { op: "depthwise", stride },
    { op: "batchNorm" },
    { op: "relu6" },
    ...conv(1, to),
  ];
  return from === to && stride === 1 ? [{ op: "residual", layers }] : layers;
}

/** ResNet's basic block. */
const basic = (channels: number): Layer[] => [
  { op: "residual", layers: [...conv(3, channels), { op: "relu" }, ...conv(3, channels)] },
  { op: "relu" },
];

/** A vision transformer's block. */
const transformer = (width: number, heads: number): Layer[] => [
  { op: "residual", layers: [{ op: "layerNorm" }, { op: "attention", heads }] },
  {
    op: "residual",
    layers: [{ op: "layerNorm" }, { op: "dense", units: 4 * width }, { op: "gelu" }, { op: "dense", units: width }],
  },
];

/** MobileNetV2's stages: expansion, channels, blocks, stride of the first. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

function mobileNet(): Layer[] {
  const layers: Layer[] = [...conv(3, 32, 2), { op: "relu6" }];
  let from = 32;
  for (const [expansion, to, blocks, stride] of stages)
    for (let i = 0; i < blocks; i++) {
      layers.push(...inverted(from, to, i ? 1 : stride, expansion));
      from = to;
    }
  return [...layers, ...conv(1, 1280), { op: "relu6" }, { op: "mean" }, { op: "dense", units: 12 }];
}

export type NetworkName =
  | "MLP"
  | "small conv net"
  | "conv net"
  | "ViT"
  | "MobileNetV2 blocks"
  | "ResNet blocks"
  | "MobileNetV2 whole";

export const networks: Readonly<Record<NetworkName, Description>> = {
  MLP: {
    work: "784-512-512-10, batch 128",
    batch: 128,
    input: [784],
    classes: 10,
    layers: [
      { op: "dense", units: 512, activation: "relu" },
      { op: "dense", units: 512, activation: "relu" },
      { op: "dense", units: 10 },
    ],
  },
  "small conv net": {
    work: "28 × 28 × 1, two convolutions of 3 × 3 (16, 32), pooling, dense; batch 32",
    batch: 32,
    input: [28, 28, 1],
    classes: 10,
    layers: [
      { op: "conv", size: 3, channels: 16, activation: "relu" },
      { op: "maxPool" },
      { op: "conv", size: 3, channels: 32, activation: "relu" },
      { op: "maxPool" },
      { op: "flatten" },
      { op: "dense", units: 10 },
    ],
  },
  "conv net": {
    work: "32 × 32 × 3, convolutions of 3 × 3 (32, 64), pooling, dense; batch 64",
    batch: 64,
    input: [32, 32, 3],
    classes: 10,
    layers: [
      { op: "conv", size: 3, channels: 32, activation: "relu" },
      { op: "conv", size: 3, channels: 64, activation: "relu" },
      { op: "maxPool" },
      { op: "flatten" },
      { op: "dense", units: 10 },
    ],
  },
  ViT: {
    work: "32 × 32 × 3 in patches of 4, width 128, depth 4, 4 heads; batch 64",
    batch: 64,
    input: [32, 32, 3],
    classes: 10,
    layers: [
      { op: "conv", size: 4, channels: 128, stride: 4 },
      { op: "tokens" },
      ...[1, 2, 3, 4].flatMap(() => transformer(128, 4)),
      { op: "layerNorm" },
      { op: "first" },
      { op: "dense", units: 10 },
    ],
  },
  "MobileNetV2 blocks": {
    work: "56 × 56 × 24, two blocks of expansion 6, batch norm; batch 16",
    batch: 16,
    input: [56, 56, 24],
    classes: 10,
    layers: [
      ...conv(1, 24),
      ...inverted(24, 24, 1),
      ...inverted(24, 24, 1),
      { op: "mean" },
      { op: "dense", units: 10 },
    ],
  },
  "ResNet blocks": {
    work: "16 × 16 × 128, two basic blocks, batch norm; batch 16",
    batch: 16,
    input: [16, 16, 3],
    classes: 10,
    layers: [...conv(3, 128), { op: "relu" }, ...basic(128), ...basic(128), { op: "mean" }, { op: "dense", units: 10 }],
  },
  "MobileNetV2 whole": {
    work: "96 × 96 × 3, 158 tensors, batch norm in training, 12 classes; batch 16",
    batch: 16,
    input: [96, 96, 3],
    classes: 12,
    layers: mobileNet(),
  },
};
