// Numbers of the plugin's own, for administrators. Capability `metrics`.

import metrics from "jackfield:pbx/metrics@0.1.0";
import { JackfieldError, checked } from "./index.js";

// The runtime takes no BigInt for a 64-bit number, and ends the run for what is no number.
function whole(value, least) {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new JackfieldError("invalid", `${value} is not a whole number that can be kept`);
  }
  return value;
}

export function add(name, by = 1) {
  checked(() => metrics.add(name, whole(by, 0)));
}

export function set(name, value) {
  checked(() => metrics.set(name, whole(value, Number.MIN_SAFE_INTEGER)));
}
