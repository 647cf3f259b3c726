"""`Hello()`: greets, and says how often it was called. The plugin's service counts, and hands its count to the next version."""

from jackfield import Apps, Services, application, bus, service  # noqa: F401 - Apps and Services are what the host calls


@application("Hello")
def hello(leg, arguments):
    count = bus.ask("count").decode()
    leg.answer()
    leg.play("hello")
    for digit in count:
        leg.play(f"digits/{digit}")
    leg.play("goodbye")


@service
class Counter:
    def __init__(self, state):
        self.count = int(state or 0)

    def answer(self, request):
        self.count += 1
        return str(self.count)

    def snapshot(self):
        return str(self.count)
