# `Choose(strategy)`: says whom it chooses of 1, 2 and 3, who had five, three and four calls; then `invalid`, as nobody has the other strategy.

from jackfield import Apps, Candidate, Error, application
from jackfield.choice import choose


@application("Choose")
def say(leg, arguments):
    members = [Candidate("1", calls=5), Candidate("2", calls=3), Candidate("3", calls=4)]
    leg.answer()
    leg.play([f"digits/{name}" for name in choose(arguments, members, {"queue": "é"})])
    try:
        choose("nobody-has-it", members)
    except Error as error:
        leg.play("invalid" if error.code == "invalid" else "goodbye")
