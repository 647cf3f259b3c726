// Legs of another network, for a channel driver: the plugin's service, which hears of them by `line.` events. Capability `lines`.

import lines from "jackfield:pbx/lines@0.1.0";
import { checked } from "./index.js";

export class Line {
  constructor(raw) {
    this.raw = raw;
  }

  get id() {
    return this.raw.id();
  }

  ring() {
    checked(() => this.raw.ring());
  }

  progress(description) {
    checked(() => this.raw.progress(description));
  }

  answer(description) {
    checked(() => this.raw.answer(description));
  }

  hangUp(cause = 16) {
    this.raw.hangUp(cause);
  }
}

export function offer(to, description, { number, name, because } = {}) {
  const given = [["caller.number", number], ["caller.name", name], ["because", because]].filter(([, value]) => value);
  return new Line(checked(() => lines.offer(to, description, given)));
}

export function find(id) {
  const raw = lines.find(id);
  return raw ? new Line(raw) : null;
}
