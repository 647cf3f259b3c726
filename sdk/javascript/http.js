// Asking other servers by HTTP. Capability `http`.

import http from "jackfield:pbx/http@0.1.0";
import { bytes, checked, options, text } from "./index.js";

class Response {
  constructor({ status, url, headers, body }) {
    this.status = status;
    this.url = url;
    this.headers = headers;
    this.body = Uint8Array.from(body);
  }

  header(name) {
    return this.headers.find(([known]) => known === name.toLowerCase())?.[1] ?? null;
  }

  text() {
    return text(this.body);
  }

  json() {
    return JSON.parse(this.text());
  }
}

export function request(method, url, { headers = {}, body = "", timeoutMs, redirects } = {}) {
  const given = Array.isArray(headers) ? headers : Object.entries(headers);
  const wire = { method, url, headers: given, body: bytes(body) };
  return new Response(checked(() => http.send(wire, options({ timeoutMs, redirects }))));
}

export function get(url, given) {
  return request("GET", url, given);
}

export function post(url, body, given = {}) {
  return request("POST", url, { ...given, body });
}
