"""How a command ends that cannot do what it was told."""

import click


class CannotRun(click.ClickException):
    """Nothing was done: a file, the source, or what was asked of it is at fault. The message has the fix."""

    exit_code = 2
