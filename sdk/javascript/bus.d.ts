/** Asks the service part of this plugin and waits for its answer. */
export function ask(request: string | Uint8Array, timeoutMs?: number): Uint8Array;
