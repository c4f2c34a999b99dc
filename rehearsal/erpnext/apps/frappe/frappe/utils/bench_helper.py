"""`python -m frappe.utils.bench_helper frappe [--site S] COMMAND …`: the commands, as bench calls them."""

import os
import sys
import traceback
import warnings
from dataclasses import dataclass

import click

import frappe
from frappe.commands import commands
from frappe.utils import get_sites


@dataclass
class Context:
    sites: list[str]
    force: bool
    verbose: bool


class Group(click.Group):
    """Prints what a command raises and exits 1. An unknown command is a usage error: 2."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.exceptions.Abort):
            raise
        except Exception as error:
            click.echo(traceback.format_exc())
            click.echo(error)
            sys.exit(1)


@click.group('frappe', cls=Group, commands={command.name: command for command in commands})
@click.option('--site')
@click.option('--verbose', is_flag=True, default=False, help='Verbose')
@click.option('--force', is_flag=True, default=False, help='Force')
@click.pass_context
def frappe_group(ctx, site, verbose, force):
    ctx.obj = Context(sites_of(site), force, verbose)


def sites_of(argument: str | None) -> list[str]:
    """The sites that a command is for: --site, FRAPPE_SITE, or default_site."""
    if argument == 'all':
        return get_sites()
    site = argument or os.environ.get('FRAPPE_SITE') or frappe.get_conf().default_site
    return [site] if site else []


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    click.Group(commands={'frappe': frappe_group})(prog_name='bench')
