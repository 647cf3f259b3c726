// Numbers of the plugin's own, for administrators. Capability `metrics`.

import metrics from "jackfield:pbx/metrics@0.1.0";
import { checked } from "./index.js";

export function add(name, by = 1) {
  checked(() => metrics.add(name, BigInt(by)));
}

export function set(name, value) {
  checked(() => metrics.set(name, BigInt(value)));
}
