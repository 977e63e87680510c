/** What a training step holds in memory, on this backend: no more than its backward pass will read. */
import { activeHeap } from "../heap/heap.js";
import { replaceBackward } from "./backward.js";
import { saveShapes } from "./shapes.js";

const applies = (): boolean => activeHeap() !== undefined;

saveShapes(applies);
replaceBackward(applies);
