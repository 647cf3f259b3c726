// `Fetch(url,other)`: plays the prompt whose name a server says, then `invalid` if the other may not be asked.

import { applications } from "jackfield";
import { get, post } from "jackfield/http.js";
import { add, set } from "jackfield/metrics.js";

export const apps = applications({
  Fetch(leg, args) {
    const [url, other] = args.split(",");
    leg.answer();
    const answer = post(url, "é", { headers: { "x-desk": "Desk {{secret:DESK}}" } });
    if (answer.status === 201 && answer.header("Content-Type") === "text/plain") {
      leg.play(answer.text());
    }
    add("fetched");
    set("last_status", answer.status);
    try {
      get(other, { timeoutMs: 5000 });
      leg.play("goodbye");
    } catch (error) {
      leg.play(error.code === "denied" ? "invalid" : "goodbye");
    }
  },
});
