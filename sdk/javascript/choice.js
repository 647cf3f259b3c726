// Choices that are another plugin's: who rings next, which trunk carries a call. Capability `choice`; `choosers` is the other side.

import choice from "jackfield:pbx/choice@0.1.0";
import { checked } from "./index.js";

const facts = (given) => Object.entries(given).map(([name, value]) => [name, String(value)]);

export function choose(strategy, candidates, question = {}) {
  const given = candidates.map((candidate) => ({ name: candidate.name, facts: facts(candidate.facts ?? {}) }));
  return checked(() => choice.choose(strategy, facts(question), given));
}
