// Outgoing legs. Capability `dial`: it can cost money.

import dial from "jackfield:pbx/dial@0.1.0";
import { checked, list, options } from "./index.js";

export function call(leg, targets, { timeoutMs = 30000, ringback, limitMs } = {}) {
  const given = options({ ringback, limitMs });
  const result = Object.fromEntries(checked(() => dial.call(leg.raw, list(targets), timeoutMs, given)));
  return {
    status: result.status ?? "",
    cause: Number(result.cause ?? 0),
    answeredMs: Number(result["answered-ms"] ?? 0),
    dialedMs: Number(result["dialed-ms"] ?? 0),
  };
}
