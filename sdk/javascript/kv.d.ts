/** The value, or null. */
export function get(key: string): Uint8Array | null;
/** The value as text, or null. */
export function getText(key: string): string | null;
/** Puts a value; durable when it returns. */
export function set(key: string, value: string | Uint8Array): void;
/** Replaces the value only if it is still `old` (null = absent); null as `value` deletes. False if it was something else. */
export function swap(key: string, old: string | Uint8Array | null, value: string | Uint8Array | null): boolean;
/** Deletes; no error if there is nothing. */
export function remove(key: string): void;
/** Up to `limit` keys that begin with `prefix`, in byte order, the first being greater than `after`. */
export function keys(prefix: string, options?: { after?: string | null; limit?: number }): string[];
