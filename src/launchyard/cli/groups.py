"""Groups of commands that answer a misspelt name with the nearest right one."""

import difflib
from typing import Any

import click


class NearestGroup(click.Group):
    """A group of commands."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            near = difflib.get_close_matches(name, known, n=1)
            path = ctx.command_path
            hint = f"did you mean `{path} {near[0]}`?" if near else f"`{path} --help` lists them"
            raise click.UsageError(f"`{path}` has no command {name!r}; {hint}")
        return super().resolve_command(ctx, args)
