"""The strategy `hello`: of a queue's free members, the one with the fewest calls rings."""

from jackfield import Strategies, strategy  # noqa: F401 - Strategies is what the host calls


@strategy("hello")
def fewest_calls(candidates, question):
    first = min(candidates, key=lambda member: member.number("calls"), default=None)
    return [first.name] if first else []
