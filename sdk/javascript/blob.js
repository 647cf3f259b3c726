// Recordings and other files, private to the plugin in its tenant. Capability `blob`.

import blob from "jackfield:pbx/blob@0.1.0";
import { checked } from "./index.js";

export function list(prefix = "", { after = null, limit = 1000 } = {}) {
  return checked(() => blob.list(prefix, after, limit)).map(([name, bytes]) => ({ name, bytes: Number(bytes) }));
}

export function rename(name, to) {
  return checked(() => blob.rename(name, to));
}

export function remove(name) {
  return checked(() => blob.remove(name));
}
