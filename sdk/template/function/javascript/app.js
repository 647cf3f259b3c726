// `${HELLO(name)}` is a greeting; `${HELLO()}` greets the caller.

import { JackfieldError, dialplanFunctions } from "jackfield";

export const functions = dialplanFunctions({
  HELLO: {
    read([name], leg) {
      if (!name && !leg) {
        throw new JackfieldError("unsupported", "only within a call");
      }
      return `Hello, ${name || leg.attribute("caller.number")}`;
    },
  },
});
