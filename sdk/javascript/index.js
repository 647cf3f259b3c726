// Write plugins for the Jackfield PBX in JavaScript: see index.d.ts for what everything is, and README.md for how to begin.

import system from "jackfield:pbx/system@0.1.0";

/** The host could not do it: `code` is one of those in wit/v0.1/types.wit, `detail` is for people. */
export class JackfieldError extends Error {
  constructor(code, detail = "") {
    super(`${code}: ${detail}`);
    this.name = "JackfieldError";
    this.code = code;
    this.detail = detail;
  }
}

/** Calls the host; its error becomes a JackfieldError. */
export function checked(call) {
  try {
    return call();
  } catch (thrown) {
    // The host's errors are thrown as they cross: a record, bare or as the payload of an Error.
    const wire = thrown?.payload ?? thrown;
    if (typeof wire?.code === "string" && typeof wire?.detail === "string") {
      throw new JackfieldError(wire.code, wire.detail);
    }
    throw thrown;
  }
}

/** Named options as they cross: `interDigitMs` is `inter-digit-ms`; what is undefined is left out, a list is given several times. */
export function options(given) {
  const name = (key) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .flatMap(([key, value]) => list(value).map((one) => [name(key), String(one)]));
}

/** One thing, or a list of them, as a list. */
export function list(value) {
  return Array.isArray(value) ? value : [value];
}

export class Leg {
  constructor(raw) {
    this.raw = raw;
  }

  get id() {
    return this.raw.id();
  }

  attribute(name) {
    return this.raw.attribute(name) ?? null;
  }

  setAttribute(name, value) {
    checked(() => this.raw.setAttribute(name, value));
  }

  ring() {
    checked(() => this.raw.ring());
  }

  progress() {
    checked(() => this.raw.progress());
  }

  answer() {
    checked(() => this.raw.answer());
  }

  hangUp(cause = 16) {
    this.raw.hangUp(cause);
  }

  wait(ms) {
    checked(() => this.raw.wait(ms));
  }

  play(prompts, { interrupt } = {}) {
    return checked(() => this.raw.play(list(prompts), options({ interrupt }))) ?? null;
  }

  readDigits(max, { timeoutMs = 5000, prompt, interDigitMs, terminators } = {}) {
    return checked(() => this.raw.readDigits(max, timeoutMs, options({ prompt, interDigitMs, terminators })));
  }

  sendDigits(digits) {
    checked(() => this.raw.sendDigits(digits));
  }

  echo(stop = "") {
    checked(() => this.raw.echo(stop));
  }

  nextEvent(timeoutMs) {
    return checked(() => this.raw.nextEvent(timeoutMs)) ?? null;
  }
}

/** What leaves the plugin is an error of the contract; what nobody foresaw is in the log with its place. */
function atTheBorder(body) {
  try {
    return body();
  } catch (error) {
    if (error instanceof JackfieldError) {
      throw { code: error.code, detail: error.detail };
    }
    log("error", `${error}\n${error?.stack ?? ""}`);
    throw { code: "failed", detail: String(error) };
  }
}

function find(table, name) {
  if (!Object.hasOwn(table, name)) {
    throw new JackfieldError("unsupported", `this plugin has no ${name}`);
  }
  return table[name];
}

/** The export of a plugin with applications: `export const apps = applications({ Hello(leg, args) { … } })`. */
export function applications(table) {
  return {
    run(name, caller, args) {
      atTheBorder(() => find(table, name)(new Leg(caller), args));
    },
  };
}

/** The export of a plugin with dialplan functions: `export const functions = dialplanFunctions({ NAME: { read, write } })`. */
export function dialplanFunctions(table) {
  // The instance lives on: what is left to the garbage collector is left in the host too.
  const within = (call, body) => {
    try {
      return atTheBorder(() => body(call ? new Leg(call) : null));
    } finally {
      call?.[Symbol.dispose]();
    }
  };
  return {
    read(name, args, call) {
      return within(call, (leg) => String(find(table, name).read(args, leg)));
    },
    write(name, args, value, call) {
      within(call, (leg) => {
        const { write } = find(table, name);
        if (!write) {
          throw new JackfieldError("unsupported", `${name} cannot be assigned`);
        }
        write(args, value, leg);
      });
    },
  };
}

/** The export of a plugin with strategies: `export const strategies = choosers({ name: (candidates, question) => […] })`. */
export function choosers(table) {
  return {
    choose(strategy, question, candidates) {
      const told = candidates.map(({ name, facts }) => ({ name, facts: Object.fromEntries(facts) }));
      return atTheBorder(() => find(table, strategy)(told, Object.fromEntries(question)));
    },
  };
}

/** The export of a plugin with a service: `export const services = service({ start(state) { … }, answer(request) { … } })`. */
export function service({ start, answer, snapshot, handle }) {
  return {
    start(restored) {
      atTheBorder(() => start?.(restored == null ? null : Uint8Array.from(restored)));
    },
    handle({ seq, kind, source, data }) {
      atTheBorder(() => handle?.({ seq: Number(seq), kind, source, data: Object.fromEntries(data) }));
    },
    answer(request) {
      return atTheBorder(() => bytes(answer(Uint8Array.from(request))));
    },
    snapshot() {
      return atTheBorder(() => bytes(snapshot?.() ?? ""));
    },
  };
}

// The runtime has no TextEncoder: what is percent-encoded is UTF-8 too.

export function bytes(value) {
  if (value instanceof Uint8Array) {
    return value;
  }
  const encoded = encodeURIComponent(String(value)).replace(/%([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Uint8Array.from(encoded, (character) => character.charCodeAt(0));
}

export function text(value) {
  return decodeURIComponent(Array.from(value, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
}

export function log(level, message) {
  system.log(level, message);
}

export function nowMs() {
  return Number(system.now()[0]);
}

export function randomBytes(count) {
  return Uint8Array.from(system.random(count));
}

export function config(key, otherwise = null) {
  return system.config(key) ?? otherwise;
}
