/** Up to `limit` blobs whose names begin with `prefix`, in byte order, the first being greater than `after`. Play one as `blob:NAME`. */
export function list(prefix?: string, options?: { after?: string | null; limit?: number }): { name: string; bytes: number }[];
/** Gives a blob another name, in place of the one that had it; false if there is none to rename. */
export function rename(name: string, to: string): boolean;
/** Removes a blob; false if there was none. */
export function remove(name: string): boolean;
