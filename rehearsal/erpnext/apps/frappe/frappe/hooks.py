"""What frappe brings to a site. The real one has some 260 tables, 37 jobs and 259 patches; these stand for them."""

import getpass

import frappe
from frappe.schema import FRAMEWORK, insert
from frappe.utils.password import update_password

modules = ['Core', 'Desk', 'Website', 'Integrations']

#: In the order in which they are made. A site killed half-way has those before `half`.
doctypes = {
    'Module Def': ('Core', 'module_name app_name'),
    'Role': ('Core', 'disabled:check desk_access:check'),
    'User': ('Core', 'email first_name last_name full_name user_type enabled:check last_login:datetime last_active:datetime'),
    'Has Role': ('Core', 'parent parenttype role'),
    'User Social Login': ('Core', 'parent parenttype provider userid'),
    'System Settings': ('Core', None),
    'Language': ('Core', 'language_name'),
    'Patch Log': ('Core', 'patch:text skipped:check'),
    'Activity Log': ('Core', 'subject:text status user ip_address'),
    'Installed Applications': ('Core', None),
    'Installed Application': ('Core', 'parent app_name app_version git_branch has_setup_wizard:check'),
    'Error Log': ('Core', 'method error:text seen:check'),
    'Data Import Log': ('Core', 'data_import row_indexes:text success:check'),
    'Scheduled Job Type': (
        'Core',
        'method frequency cron_format stopped:check create_log:check last_execution:datetime',
    ),
    'Scheduled Job Log': ('Core', 'scheduled_job_type status details:text'),
    'ToDo': ('Desk', 'status priority description:text allocated_to date:date'),
    'Note': ('Desk', 'title content:text public:check'),
    'Navbar Settings': ('Core', None),
    'Website Settings': ('Website', None),
    'Social Login Key': (
        'Integrations',
        'provider_name enable_social_login:check social_login_provider client_id client_secret base_url:text '
        'custom_base_url:check authorize_url:text access_token_url:text redirect_url:text api_endpoint:text '
        'api_endpoint_args:text auth_url_data:text user_id_property sign_ups',
    ),
    **{doctype: ('Core', fields) for doctype, fields in FRAMEWORK.items()},
}
half = 'Installed Application'
sequences = ['activity_log_id_seq']

patches = [f'frappe.patches.v{version}_0.step_{number}' for version in (13, 14, 15, 16) for number in range(1, 7)]

scheduler_events = {
    'all': ['frappe.email.queue.flush', 'frappe.utils.global_search.sync_global_search'],
    'cron': {'*/15 * * * *': ['frappe.deferred_insert.save_to_db'], '30 0 * * *': ['frappe.utils.backups.delete_old']},
    'hourly': ['frappe.model.utils.link_count.update_link_count', 'frappe.sessions.clear_expired_sessions'],
    'daily': ['frappe.desk.notifications.clear_notifications', 'frappe.core.doctype.log_settings.run_log_clean_up'],
    'hourly_long': ['frappe.integrations.google_drive.hourly_backup'],
    'weekly_long': ['frappe.desk.doctype.event.event.send_event_digest'],
}


def run_patch(patch: str) -> None:
    """Nothing to do: the tables are this release's own."""


def after_install() -> None:
    """Users, roles and settings. The Administrator's password is asked for where nobody gave one."""
    for role in ('Administrator', 'System Manager', 'Guest', 'All', 'Desk User', 'Sales User', 'Employee', 'Customer'):
        insert('Role', name=role, desk_access=role != 'Customer')
    for user, email in (('Administrator', 'admin@example.com'), ('Guest', 'guest@example.com')):
        kind = 'System User' if user == 'Administrator' else 'Website User'
        insert('User', name=user, email=email, first_name=user, full_name=user, user_type=kind, enabled=1)
        insert('Has Role', parent=user, parenttype='User', role=user)
    insert('Language', name='en', language_name='English')
    frappe.db.set_single_value('System Settings', 'language', 'en')
    frappe.db.set_single_value('System Settings', 'setup_complete', 0)
    frappe.db.set_single_value('System Settings', 'login_with_email_link', 1)
    frappe.db.set_global('desktop:home_page', 'setup-wizard')
    update_password('Administrator', frappe.conf.admin_password or getpass.getpass('Set Administrator password: '))
    frappe.db.commit()


def sync_fixtures() -> None:
    """frappe has none."""
