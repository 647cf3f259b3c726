/** Adds to a counter, which begins at 0. A name is of `a-z 0-9 _` and begins with a letter; `jackfield plugin show` has it. */
export function add(name: string, by?: number): void;
/** Sets a gauge, to a whole number. */
export function set(name: string, value: number): void;
