/** Before every file of tests: what they compare must not depend on the machine. A test of the faster kernels asks for them. */
import { setPrecise } from "../src/heap/precise.js";

setPrecise(true);
