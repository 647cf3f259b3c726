// What happens in the tenant, for the plugin's service: its `handle`. Capability `event`.

import event from "jackfield:pbx/event@0.1.0";
import { checked } from "./index.js";

export function subscribe(prefix) {
  checked(() => event.subscribe(prefix));
}

export function unsubscribe(prefix) {
  return checked(() => event.unsubscribe(prefix));
}

export function publish(topic, data = {}) {
  return checked(() => event.publish(topic, Object.entries(data).map(([name, value]) => [name, String(value)])));
}

export function device(endpoint) {
  return event.device(endpoint) ?? null;
}
