// `Reception_javascript()`: asks for the four digits of a desk, dials it, or takes a message. `Reception_javascript(1234=101)`
// says who sits at desk 1234, as does `Set(DESK_javascript(1234)=101)`; `${DESK_javascript(1234)}` is who sits there,
// `${DESK_javascript()}` the caller's own number. The same plugin is in sdk/rust, sdk/python and sdk/c.

import { JackfieldError, applications, dialplanFunctions } from "jackfield";
import * as dial from "jackfield/dial.js";
import * as kv from "jackfield/kv.js";
import { record } from "jackfield/recording.js";

const ATTEMPTS = 3;

export const apps = applications({
  Reception_javascript(leg, args) {
    const [desk, endpoint] = args.split("=");
    if (endpoint === undefined) {
      ask(leg);
    } else {
      seat(desk, endpoint);
    }
  },
});

export const functions = dialplanFunctions({
  DESK_javascript: {
    read([desk], leg) {
      if (desk) {
        return kv.getText(`desk/${desk}`) ?? "";
      }
      if (!leg) {
        throw new JackfieldError("unsupported", "only within a call");
      }
      return leg.attribute("caller.number") ?? "";
    },
    write([desk = ""], endpoint) {
      seat(desk, endpoint);
    },
  },
});

function seat(desk, endpoint) {
  if (desk.length !== 4 || endpoint === "") {
    throw new JackfieldError("invalid", `${desk}=${endpoint}: a desk has four digits and an endpoint`);
  }
  kv.set(`desk/${desk}`, endpoint);
}

function ask(leg) {
  leg.answer();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const desk = leg.readDigits(4, { prompt: "enter-extension", timeoutMs: 5000 });
    const endpoint = kv.getText(`desk/${desk}`);
    if (endpoint) {
      return connect(leg, desk, endpoint);
    }
    leg.play("invalid");
  }
  leg.play("goodbye");
}

function connect(leg, desk, endpoint) {
  leg.play("please-hold");
  if (dial.call(leg, endpoint, { timeoutMs: 10000 }).status === "ANSWER") {
    return;
  }
  leg.play("unavailable");
  record(leg, `messages/${desk}`, { maxMs: 60000 });
  leg.play("thank-you");
}
