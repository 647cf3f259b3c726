/** Sets a timer, in place of the one of that name. */
export function after(name: string, delayMs: number, data?: Record<string, unknown>): void;
/**
 * Sets a timer that comes again and again at times of day in the tenant's time zone, in place of the one of that name. `pattern` is five fields as
 * in cron(5): `0 8 * * mon-fri` is at eight from Monday to Friday.
 */
export function at(name: string, pattern: string, data?: Record<string, unknown>): void;
/** Takes a timer back; false if there is none of that name. One that is due may still come. */
export function cancel(name: string): boolean;
