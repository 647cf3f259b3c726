// `Hello()`: greets, and says how often it was called. The plugin's service counts, and hands its count to the next version.

import { applications, service, text } from "jackfield";
import { ask } from "jackfield/bus.js";

export const apps = applications({
  Hello(leg) {
    const count = text(ask("count"));
    leg.answer();
    leg.play("hello");
    for (const digit of count) {
      leg.play(`digits/${digit}`);
    }
    leg.play("goodbye");
  },
});

let count = 0;

export const services = service({
  start(state) {
    count = state ? Number(text(state)) : 0;
  },
  answer() {
    count += 1;
    return String(count);
  },
  snapshot() {
    return String(count);
  },
});
