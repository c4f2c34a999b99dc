"""Commands about versions, configuration, caches and sessions."""

import ast
import json

import click

import frappe
from frappe.commands import for_each_site, pass_context


@click.command('version')
@click.option('-f', '--format', 'output', type=click.Choice(['plain', 'json', 'legacy']), default='plain')
def version(output):
    """Show the versions of all the installed apps."""
    names = sorted(frappe.get_all_apps())
    data = [
        {'commit': '', 'app': app, 'branch': '', 'version': frappe.get_attr(f'{app}.__version__')} for app in names
    ]
    if output == 'json':
        click.echo(json.dumps(data, indent=4))
        return
    for app in data:
        click.echo(f'{app["app"]} {app["version"]}' + ('  ()' if output == 'plain' else ''))


@click.command('set-config')
@click.argument('key')
@click.argument('value')
@click.option('-g', '--global', 'global_', is_flag=True, default=False, help='Set value in bench config')
@click.option('-p', '--parse', is_flag=True, default=False, help='Evaluate as Python Object')
@pass_context
def set_config(context, key, value, global_, parse):
    """Insert/Update a value in site_config.json"""
    from frappe.installer import update_site_config

    if parse:
        value = ast.literal_eval(value)
    if global_:
        update_site_config(key, value, site_config_path='./common_site_config.json')
        return
    if not context.sites:
        raise frappe.SiteNotSpecifiedError
    for site in context.sites:
        with frappe.init_site(site):
            update_site_config(key, value)


@click.command('show-config')
@click.option('--format', '-f', 'output', type=click.Choice(['text', 'json']), default='text')
@pass_context
def show_config(context, output):
    """Print configuration file to STDOUT in specified format"""
    if not context.sites:
        raise frappe.SiteNotSpecifiedError
    configs = {}
    for site in context.sites:
        with frappe.init_site(site):
            configs[site] = dict(frappe.local.conf)
    if output == 'json':
        click.echo(frappe.as_json(configs))
        return
    for config in configs.values():
        for key, value in sorted(config.items()):
            click.echo(f'| {key} | {value} |')


@click.command('execute')
@click.argument('method')
@click.option('--args')
@click.option('--kwargs')
@for_each_site
def execute(site, method, args, kwargs):
    """Execute a function. As in frappe, the arguments are evaluated as Python."""
    arguments = eval(args) if args else ()
    named = eval(kwargs) if kwargs else {}
    try:
        function = frappe.get_attr(method)
    except ImportError:
        function = eval(method)
    result = function(*arguments, **named) if callable(function) else function
    frappe.db.commit()
    if result:
        print(frappe.as_json(result, indent=None).strip('"'))


@click.command('clear-cache')
@for_each_site
def clear_cache(site):
    """Clear cache, doctype cache and defaults"""
    frappe.clear_cache()


@click.command('clear-website-cache')
@for_each_site
def clear_website_cache(site):
    """Clear website cache"""
    frappe.cache.delete_keys('website')


@click.command('destroy-all-sessions')
@click.option('--reason')
@for_each_site
def destroy_all_sessions(site, reason):
    """Clear sessions of all users (logs them out)"""
    from frappe.sessions import clear_sessions

    clear_sessions()
