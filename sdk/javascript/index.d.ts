/** Why the host could not do something. */
export class JackfieldError extends Error {
  /** `gone`, `timeout`, `denied`, `limit`, `invalid`, `unsupported`, `busy`, `failed`; the list may grow: treat an unknown one like `failed`. */
  readonly code: string;
  /** For people; never to be parsed. */
  readonly detail: string;
  constructor(code: string, detail?: string);
}

/** Something that happened to a leg. */
export interface LegEvent {
  seq: bigint | number;
  kind: string;
  source: string;
  data: [string, string][];
}

/** A sound's name, `tone:425/500,0/500`, `silence:500` or `blob:NAME`; or several. */
export type Prompts = string | string[];

/**
 * One party's attachment to a call. What waits suspends the plugin and costs nothing. When the party hangs up it throws a
 * JackfieldError with the code `gone`: let it pass.
 */
export class Leg {
  /** A name for logs, unique within the host's life. */
  readonly id: string;
  /** A property such as `caller.number`, `caller.name`, `dialed.number`, `endpoint`, `state`, `codec`, or one that was set. */
  attribute(name: string): string | null;
  /** Changes a property, or makes a new one. */
  setAttribute(name: string, value: string): void;
  /** Tells the caller that it rings. */
  ring(): void;
  /** Begins early media: prompts are heard before the call is answered. */
  progress(): void;
  /** Answers the call. */
  answer(): void;
  /** Hangs up with a Q.850 cause; 16 unless given. */
  hangUp(cause?: number): void;
  /** Waits; digits that come meanwhile are kept. */
  wait(ms: number): void;
  /** Plays prompts to their end, or until a digit of `interrupt` is dialled, which is returned. */
  play(prompts: Prompts, options?: { interrupt?: string }): string | null;
  /** Reads up to `max` digits: `timeoutMs` for the first (5000), `interDigitMs` for each other (3000). Empty if none came. */
  readDigits(
    max: number,
    options?: { timeoutMs?: number; prompt?: Prompts; interDigitMs?: number; terminators?: string },
  ): string;
  /** Sends digits to the party; `w` is half a second of pause. */
  sendDigits(digits: string): void;
  /** Sends what the party says back to it, until it dials a digit of `stop` or hangs up. */
  echo(stop?: string): void;
  /** The next event, or null after the time-out. */
  nextEvent(timeoutMs: number): LegEvent | null;
}

/** What a plugin with dialplan applications exports: `export const apps = applications({ Hello(leg, args) { … } })`. */
export function applications(table: Record<string, (leg: Leg, args: string) => void>): object;

/** A dialplan function; `write` makes it assignable. `leg` is null outside of a call. */
export interface DialplanFunction {
  read(args: string[], leg: Leg | null): string | number;
  write?(args: string[], value: string, leg: Leg | null): void;
}

/** What a plugin with dialplan functions exports: `export const functions = dialplanFunctions({ NAME: { read } })`. */
export function dialplanFunctions(table: Record<string, DialplanFunction>): object;

/** Somebody or something to choose from, and what is known of it. */
export interface Candidate {
  name: string;
  facts: Record<string, string>;
}

/** Returns the names of those to take, the best first; `question` is what the choice is about. */
export type Chooser = (candidates: Candidate[], question: Record<string, string>) => string[];

/** What a plugin with strategies exports: `export const strategies = choosers({ name: (candidates, question) => […] })`. */
export function choosers(table: Record<string, Chooser>): object;

/** Something that happened; `seq` has a gap where events were lost. */
export interface ServiceEvent {
  seq: number;
  kind: string;
  source: string;
  data: Record<string, string>;
}

/** A plugin's service: one for each tenant, which answers one request after the other. */
export interface Service {
  /** Begins, from what `snapshot` of the version before returned, or null. What it throws refuses the new version. */
  start?(state: Uint8Array | null): void;
  /** Answers what an application of the plugin asks with `ask` of `jackfield/bus.js`. */
  answer(request: Uint8Array): string | Uint8Array;
  /** State for the version that replaces this one. */
  snapshot?(): string | Uint8Array;
  /** Hears what `subscribe` of `jackfield/event.js` and `after` of `jackfield/schedule.js` asked for. */
  handle?(event: ServiceEvent): void;
}

/** What a plugin with a service exports: `export const services = service({ start(state) { … }, answer(request) { … } })`. */
export function service(parts: Service): object;

/** Text as UTF-8. Bytes stay what they are. */
export function bytes(value: string | Uint8Array): Uint8Array;
/** UTF-8 as text. */
export function text(value: Uint8Array): string;

/** Writes to the plugin's log. */
export function log(level: "error" | "warn" | "info" | "debug", message: string): void;

/** Milliseconds since 1970, UTC; coarse. */
export function nowMs(): number;

/** Random bytes, at most 1,024. `Math.random` is seeded when the plugin is built: do not use it for secrets. */
export function randomBytes(count: number): Uint8Array;

/** The tenant's setting for this plugin, else the manifest's default, else `otherwise`. */
export function config(key: string, otherwise?: string | null): string | null;
