"""How a command ends that cannot do what it was told."""

import click


class CannotRun(click.ClickException):
    """Nothing was done: a file, the source, the cluster, or what was asked for. The message has the fix."""

    exit_code = 2


class Objection(click.ClickException):
    """Nothing was done: the object does not exist, or is not in a state for it. The message has the fix."""

    exit_code = 1


class NotRecorded(click.ClickException):
    """It was stored, and nothing shows yet that the operator took note of it."""

    exit_code = 3
