import { Leg } from "./index.js";

/** What became of a dial. */
export interface Dialed {
  /** `ANSWER`, `BUSY`, `NOANSWER`, `CANCEL`, `CONGESTION` or `CHANUNAVAIL`. */
  status: string;
  /** Q.850. */
  cause: number;
  answeredMs: number;
  dialedMs: number;
}

/** Dials, joins the leg with the first that answers, and returns when that conversation is over. */
export function call(
  leg: Leg,
  targets: string | string[],
  options?: { timeoutMs?: number; ringback?: "network" | "tone" | "music"; limitMs?: number },
): Dialed;
