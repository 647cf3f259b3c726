// `hello:NUMBER`: a channel driver. Its network is one in which every call comes back into the dialplan: replace `dialed` by what calls a party of yours.

import { service } from "jackfield";
import { find, offer } from "jackfield/lines.js";

// Each line with the one at its other end, by id.
const ends = new Map();

function dialed(id, { address, description }) {
  try {
    const offered = offer(address, description, { because: id }).id;
    ends.set(id, offered);
    ends.set(offered, id);
  } catch (error) {
    find(id)?.hangUp(34);
    throw error;
  }
}

export const services = service({
  handle({ kind, source, data }) {
    if (kind === "line.dialed") {
      dialed(source, data);
      return;
    }
    const other = ends.has(source) ? find(ends.get(source)) : null;
    if (!other) {
      return;
    }
    if (kind === "line.ringing") {
      other.ring();
    } else if (kind === "line.progress") {
      other.progress(data.description);
    } else if (kind === "line.answered") {
      other.answer(data.description);
    } else if (kind === "line.ended") {
      other.hangUp(Number(data.cause ?? 16));
      ends.delete(ends.get(source));
      ends.delete(source);
    }
  },
});
