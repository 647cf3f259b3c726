/**
 * The names of those candidates that the tenant's strategy of that name takes, the best first. A strategy that no plugin has throws a JackfieldError
 * with the code `invalid`: have something to do then.
 */
export function choose(
  strategy: string,
  candidates: { name: string; facts?: Record<string, unknown> }[],
  question?: Record<string, unknown>,
): string[];
