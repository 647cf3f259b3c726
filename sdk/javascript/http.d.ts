/** What a server said: 404 is a response too. `url` is what was asked in the end; the body is not decoded. */
export interface Response {
  status: number;
  url: string;
  /** Names are in lower case. */
  headers: [string, string][];
  body: Uint8Array;
  /** The first value of a header, whatever the case of its name. */
  header(name: string): string | null;
  text(): string;
  json(): any;
}

export interface Options {
  headers?: Record<string, string> | [string, string][];
  /** The longest it may take, at most 60,000; 10,000 unless said. */
  timeoutMs?: number;
  /** How many redirections are followed, at most 5; 5 unless said. */
  redirects?: number;
}

/** Sends a request and waits for all of the response. Throws a JackfieldError with the code `denied` where it may not ask. */
export function request(method: string, url: string, options?: Options & { body?: string | Uint8Array }): Response;
export function get(url: string, options?: Options): Response;
export function post(url: string, body: string | Uint8Array, options?: Options): Response;
