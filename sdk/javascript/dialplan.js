// The dialplan around a leg. Capability `dialplan`.

import dialplan from "jackfield:pbx/dialplan@0.1.0";
import { checked } from "./index.js";

export function variable(leg, name) {
  return dialplan.variable(leg.raw, name) ?? null;
}

export function setVariable(leg, name, value) {
  checked(() => dialplan.setVariable(leg.raw, name, value));
}

export function evaluate(leg, expression) {
  return checked(() => dialplan.evaluate(leg.raw, expression));
}

export function readFunction(leg, name, args = []) {
  return checked(() => dialplan.readFunction(leg.raw, name, args));
}

export function run(leg, application, args = "") {
  checked(() => dialplan.run(leg.raw, application, args));
}

export function goto(leg, { context = null, extension = null, priority = "1" } = {}) {
  checked(() => dialplan.goto(leg.raw, context, extension, priority));
}
