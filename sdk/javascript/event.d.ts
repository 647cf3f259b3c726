/** From now on the service is handed events whose kind begins with `prefix`, as in `call.`. Subscribe in its `start`. */
export function subscribe(prefix: string): void;
/** Takes a subscription back; false if there was none. */
export function unsubscribe(prefix: string): boolean;
/** Tells the tenant's services an event of the kind `PLUGIN/topic`; how many were told. */
export function publish(topic: string, data?: Record<string, unknown>): number;
/** What an endpoint is doing: `unregistered`, `idle`, `ringing` or `busy`; null if there is no such endpoint. */
export function device(endpoint: string): string | null;
