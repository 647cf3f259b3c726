// `Hello()`: answers, greets, waits for a digit and says it back.

import { applications } from "jackfield";

export const apps = applications({
  Hello(leg) {
    leg.answer();
    leg.play("hello");
    for (const digit of leg.readDigits(1)) {
      leg.play(`digits/${digit}`);
    }
    leg.play("goodbye");
  },
});
