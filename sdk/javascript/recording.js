// Recording what a party says. Capability `recording`.

import recording from "jackfield:pbx/recording@0.1.0";
import { checked, options } from "./index.js";

export function record(leg, name, { maxMs = 60000, terminators, silenceMs, beep = true } = {}) {
  const given = options({ terminators, silenceMs, beep: beep ? undefined : "no" });
  const [blob, lengthMs] = checked(() => recording.record(leg.raw, name, maxMs, given));
  return { blob, lengthMs };
}
