// Recording what a party says. Capability `recording`.

import recording from "jackfield:pbx/recording@0.1.0";
import { checked, options } from "./index.js";

export function record(leg, name, { maxMs = 60000, terminators, silenceMs, beep = true } = {}) {
  const given = options({ terminators, silenceMs, beep: beep ? undefined : "no" });
  const told = Object.fromEntries(checked(() => recording.record(leg.raw, name, maxMs, given)));
  return { blob: told.blob ?? name, lengthMs: Number(told["length-ms"] ?? 0), ended: told.ended ?? "", digit: told.digit ?? null };
}
