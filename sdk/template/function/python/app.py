"""`${HELLO(name)}` is a greeting; `${HELLO()}` greets the caller."""

from jackfield import Error, Functions, function  # noqa: F401 - Functions is what the host calls


@function("HELLO")
def hello(arguments, leg):
    if arguments and arguments[0]:
        return f"Hello, {arguments[0]}"
    if leg is None:
        raise Error("unsupported", "only within a call")
    return f"Hello, {leg.attribute('caller.number')}"
