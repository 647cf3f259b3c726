// Between the parts of one plugin in one tenant. Capability `bus`.

import bus from "jackfield:pbx/bus@0.1.0";
import { bytes, checked } from "./index.js";

export function ask(request, timeoutMs = 5000) {
  return Uint8Array.from(checked(() => bus.ask(bytes(request), timeoutMs)));
}
