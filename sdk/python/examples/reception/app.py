"""`Reception_python()`: asks for the four digits of a desk, dials it, or takes a message.

`Reception_python(1234=101)` says who sits at desk 1234, as does `Set(DESK_python(1234)=101)`; `${DESK_python(1234)}` is who sits
there, `${DESK_python()}` the caller's own number. The same plugin is in `sdk/rust`, `sdk/javascript` and `sdk/c`.
"""

from jackfield import Apps, Error, Functions, application, dial, function, kv, recording  # noqa: F401 - the host calls Apps, Functions

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


def set_desk(arguments, endpoint, leg):
    seat(arguments[0] if arguments else "", endpoint)


@function("DESK_python", write=set_desk)
def desk(arguments, leg):
    if arguments and arguments[0]:
        return kv.get_text(f"desk/{arguments[0]}") or ""
    if leg is None:
        raise Error("unsupported", "only within a call")
    return leg.attribute("caller.number") or ""
