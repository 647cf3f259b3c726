/** Sets a timer, in place of the one of that name. */
export function after(name: string, delayMs: number, data?: Record<string, unknown>): void;
/** Takes a timer back; false if there is none of that name. One that is due may still come. */
export function cancel(name: string): boolean;
