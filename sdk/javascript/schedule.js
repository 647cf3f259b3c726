// Timers for the plugin's service: the event `timer`, its source the timer's name. Capability `schedule`.

import schedule from "jackfield:pbx/schedule@0.1.0";
import { checked } from "./index.js";

export function after(name, delayMs, data = {}) {
  checked(() => schedule.after(name, delayMs, Object.entries(data).map(([key, value]) => [key, String(value)])));
}

export function at(name, pattern, data = {}) {
  checked(() => schedule.at(name, pattern, Object.entries(data).map(([key, value]) => [key, String(value)])));
}

export function cancel(name) {
  return checked(() => schedule.cancel(name));
}
