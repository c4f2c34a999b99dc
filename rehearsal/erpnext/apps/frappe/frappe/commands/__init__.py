"""The commands of bench, in three files. Their options, words and exit codes are frappe's."""

import functools

import click

import frappe


def pass_context(command):
    """Gives the command the sites it is for."""

    @click.pass_context
    @functools.wraps(command)
    def wrapper(ctx, *args, **kwargs):
        return command(ctx.obj, *args, **kwargs)

    return wrapper


def for_each_site(command):
    """Runs the command once for each site, connected. Without a site: SiteNotSpecifiedError."""

    @pass_context
    @functools.wraps(command)
    def wrapper(context, *args, **kwargs):
        if not context.sites:
            raise frappe.SiteNotSpecifiedError
        for site in context.sites:
            try:
                frappe.init(site)
                frappe.connect()
                command(site, *args, **kwargs)
            finally:
                frappe.destroy()

    return wrapper


def get_site(context, site: str | None = None, raise_err: bool = True) -> str | None:
    """The one site that a command is for."""
    if site or context.sites:
        return site or context.sites[0]
    if raise_err:
        raise frappe.SiteNotSpecifiedError
    return None


from frappe.commands import scheduler, site, utils  # noqa: E402 (they need what stands above)

commands = [
    *(site.new_site, site.drop_site, site.install_app, site.list_apps, site.migrate, site.set_admin_password),
    *(scheduler.scheduler, scheduler.enable_scheduler, scheduler.disable_scheduler, scheduler.set_maintenance_mode),
    *(scheduler.ready_for_migration, scheduler.doctor, scheduler.schedule, scheduler.worker),
    *(utils.version, utils.set_config, utils.show_config, utils.execute),
    *(utils.clear_cache, utils.clear_website_cache, utils.destroy_all_sessions),
]
