// `Choose(strategy)`: says whom it chooses of 1, 2 and 3, who had five, three and four calls; then `invalid`, as nobody has the other strategy.

import { applications } from "jackfield";
import { choose } from "jackfield/choice.js";

export const apps = applications({
  Choose(leg, strategy) {
    const members = [["1", 5], ["2", 3], ["3", 4]].map(([name, calls]) => ({ name, facts: { calls } }));
    leg.answer();
    leg.play(choose(strategy, members, { queue: "é" }).map((name) => `digits/${name}`));
    try {
      choose("nobody-has-it", members);
    } catch (error) {
      leg.play(error.code === "invalid" ? "invalid" : "goodbye");
    }
  },
});
