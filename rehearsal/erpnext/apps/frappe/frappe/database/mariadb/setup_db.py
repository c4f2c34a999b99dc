"""What needs the root login: the site's database and its user."""

import sys
from getpass import getpass

import frappe
from frappe.database import get_db


def get_root_connection():
    """A connection of the root login: from frappe.flags, the configuration, or a prompt (on stdin without a terminal)."""
    if not frappe.flags.root_connection:
        conf = frappe.conf
        login = frappe.flags.root_login or conf.mariadb_root_login or conf.root_login or 'root'
        password = frappe.flags.root_password or conf.mariadb_root_password or conf.root_password
        password = password or getpass('MySQL root password: ')
        frappe.flags.root_connection = get_db(conf.db_host, conf.db_port, login, password)
    return frappe.flags.root_connection


def setup_database(force: bool, verbose: bool, mariadb_user_host_login_scope: str | None = None) -> None:
    """Make the user and the empty database. Without a scope the user may log in from this container's address only."""
    root = get_root_connection()
    name, user = frappe.conf.db_name, frappe.conf.db_user
    host = mariadb_user_host_login_scope or current_host(root)
    root.sql(f"create user if not exists '{user}'@'{host}' identified by '{frappe.conf.db_password}'")
    if not force and name in root.sql('show databases', pluck=True):
        print(f'Database {name} already exists, please drop it manually or pass `--force`.')
        sys.exit(1)
    root.sql(f'drop database if exists `{name}`')
    root.sql(f'create database `{name}` character set utf8mb4 collate utf8mb4_unicode_ci')
    root.sql(f"grant all privileges on `{name}`.* to '{user}'@'{host}'")
    root.sql('flush privileges')
    if verbose:
        print(f'Granted privileges to user {user} and database {name}')
    root.close()


def drop_user_and_database(db_name: str, db_user: str) -> None:
    root = get_root_connection()
    root.sql(f'drop database if exists `{db_name}`')
    for host in ('%', current_host(root)):
        root.sql(f"drop user if exists '{db_user}'@'{host}'")
    root.close()


def current_host(connection) -> str:
    return connection.sql('select user()')[0][0].split('@')[1]
