import { Leg } from "./index.js";

/** The value of a variable, or null. */
export function variable(leg: Leg, name: string): string | null;
/** Sets a channel variable. */
export function setVariable(leg: Leg, name: string, value: string): void;
/** Evaluates `${…}` and `$[…]` as the dialplan does. */
export function evaluate(leg: Leg, expression: string): string;
/** The value of a function that a plugin of the tenant provides, as `${NAME(a,b)}` has it. */
export function readFunction(leg: Leg, name: string, args?: string[]): string;
/** Runs another application of the tenant. */
export function run(leg: Leg, application: string, args?: string): void;
/** Where the dialplan goes on when this run returns. */
export function goto(leg: Leg, place: { context?: string | null; extension?: string | null; priority?: string }): void;
