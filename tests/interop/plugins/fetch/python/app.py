# `Fetch(url,other)`: plays the prompt whose name a server says, then `invalid` if the other may not be asked.

from jackfield import Apps, Denied, application, http, metrics


@application("Fetch")
def fetch(leg, arguments):
    url, other = arguments.split(",")
    leg.answer()
    answer = http.post(url, "é", headers={"x-desk": "Desk {{secret:DESK}}"})
    if answer.status == 201 and answer.header("Content-Type") == "text/plain":
        leg.play(answer.text)
    metrics.add("fetched")
    metrics.set("last_status", answer.status)
    try:
        http.get(other, timeout=5)
    except Denied:
        leg.play("invalid")
    else:
        leg.play("goodbye")
