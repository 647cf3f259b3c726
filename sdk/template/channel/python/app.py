"""`hello:NUMBER`: a channel driver. Its network is one in which every call comes back into the dialplan: replace `dialed` by what calls a party of yours."""

from jackfield import Error, Services, lines, service  # noqa: F401 - Services is what the host calls


@service
class Driver:
    def __init__(self, state):
        # Each line with the one at its other end, by id.
        self.ends = {}

    def handle(self, event):
        description = event.data.get("description", "")
        if event.kind == "line.dialed":
            return self.dialed(event, description)
        other = lines.find(self.ends.get(event.source, ""))
        if other is None:
            return None
        if event.kind == "line.ringing":
            other.ring()
        elif event.kind == "line.progress":
            other.progress(description)
        elif event.kind == "line.answered":
            other.answer(description)
        elif event.kind == "line.ended":
            other.hang_up(int(event.data.get("cause", 16)))
            self.ends.pop(self.ends.pop(event.source), None)

    def dialed(self, event, description):
        try:
            offered = lines.offer(event.data["address"], description, because=event.source).id
        except Error:
            lines.find(event.source).hang_up(34)
            raise
        self.ends[event.source], self.ends[offered] = offered, event.source
