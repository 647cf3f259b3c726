// The strategy `hello`: of a queue's free members, the one with the fewest calls rings.

import { choosers } from "jackfield";

const calls = (member) => Number(member.facts.calls ?? 0);

export const strategies = choosers({
  "hello": (candidates) => candidates.toSorted((one, other) => calls(one) - calls(other)).slice(0, 1).map(({ name }) => name),
});
