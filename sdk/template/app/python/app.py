"""`Hello()`: answers, greets, waits for a digit and says it back."""

from jackfield import Apps, application  # noqa: F401 - Apps is what the host calls


@application("Hello")
def hello(leg, arguments):
    leg.answer()
    leg.play("hello")
    for digit in leg.read_digits(1):
        leg.play(f"digits/{digit}")
    leg.play("goodbye")
