"""`Reception_python()`: asks for the four digits of a desk, dials it, or takes a message.

`Reception_python(1234=101)` says who sits at desk 1234. The same application is in `sdk/rust`, `sdk/javascript` and `sdk/c`.
"""

from jackfield import Apps, Error, application, dial, kv, recording  # noqa: F401 - Apps is what the host calls

ATTEMPTS = 3


@application("Reception_python")
def reception(leg, arguments):
    if "=" in arguments:
        desk, endpoint = arguments.split("=", 1)
        seat(desk, endpoint)
    else:
        ask(leg)


def seat(desk, endpoint):
    if len(desk) != 4 or not endpoint:
        raise Error("invalid", f"{desk}={endpoint}: a desk has four digits and an endpoint")
    kv.set(f"desk/{desk}", endpoint)


def ask(leg):
    leg.answer()
    for _ in range(ATTEMPTS):
        desk = leg.read_digits(4, prompt="enter-extension", timeout=5)
        endpoint = kv.get_text(f"desk/{desk}")
        if endpoint:
            return connect(leg, desk, endpoint)
        leg.play("invalid")
    leg.play("goodbye")


def connect(leg, desk, endpoint):
    leg.play("please-hold")
    if dial.call(leg, endpoint, timeout=10).answered:
        return
    leg.play("unavailable")
    recording.record(leg, f"messages/{desk}", max_seconds=60)
    leg.play("thank-you")
