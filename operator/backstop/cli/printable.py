"""What others wrote, shown harmlessly: labels, titles, notes and messages must not steer a terminal."""


def printable(text: str) -> str:
    """Return one line with control characters escaped, those that change the direction of writing included."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def printable_lines(text: str) -> str:
    """Return text of several lines, each of them printable."""
    return "\n".join(printable(line) for line in text.split("\n"))
