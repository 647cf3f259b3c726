// Small values, private to the plugin in its tenant. Capability `kv`.

import kv from "jackfield:pbx/kv@0.1.0";
import { bytes, checked, text } from "./index.js";

export function get(key) {
  const value = checked(() => kv.get(key));
  return value == null ? null : Uint8Array.from(value);
}

export function getText(key) {
  const value = get(key);
  return value && text(value);
}

export function set(key, value) {
  checked(() => kv.set(key, bytes(value)));
}

export function swap(key, old, value) {
  return checked(() => kv.swap(key, old == null ? null : bytes(old), value == null ? null : bytes(value)));
}

export function remove(key) {
  checked(() => kv.delete(key));
}

export function keys(prefix, { after = null, limit = 1000 } = {}) {
  return checked(() => kv.keys(prefix, after, limit));
}
