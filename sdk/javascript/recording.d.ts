import { Leg } from "./index.js";

/**
 * Records until a terminator, `silenceMs` of silence, a hang-up or `maxMs`; durable when it returns. Play the blob as `blob:NAME`.
 * `ended` is `digit`, `silence`, `limit` or `gone`; more may come.
 */
export function record(
  leg: Leg,
  name: string,
  options?: { maxMs?: number; terminators?: string; silenceMs?: number; beep?: boolean },
): { blob: string; lengthMs: number; ended: string; digit: string | null };
