"""MariaDB as frappe speaks to it: one connection, made by the first query, one transaction until commit."""

import MySQLdb
from MySQLdb.constants import ER, FIELD_TYPE
from MySQLdb.converters import conversions

import frappe
from frappe.utils.logger import get_logger

CONVERSIONS = {**conversions, FIELD_TYPE.NEWDECIMAL: float}
#: Statements that are logged, as they are: with a new user's password.
DEFINITIONS = {'alter', 'create', 'drop', 'rename', 'truncate'}
#: A deadlock, and a row that has changed since this transaction began to read.
DISTURBED = (ER.LOCK_DEADLOCK, ER.CHECKREAD)
#: Fields of singles that are numbers; everything in tabSingles is text.
NUMBERS = {'enable_scheduler', 'setup_complete', 'disable_user_pass_login', 'login_with_email_link',
           'reset_password_link_expiry_duration'}


def get_db(host: str, port: int, user: str, password: str, name: str | None = None) -> 'Database':
    return Database(host=host, port=int(port), user=user, password=password, **({'database': name} if name else {}))


def table(doctype: str) -> str:
    return f'`{doctype}`' if doctype.startswith('__') else f'`tab{doctype}`'


class Database:
    def __init__(self, **login):
        self._login = login
        self._connection = None
        self.logger = get_logger('database')
        self.logger.setLevel('WARNING')

    def _cursor(self):
        if self._connection is None:
            self._connection = MySQLdb.connect(**self._login, charset='utf8mb4', conv=CONVERSIONS)
        return self._connection.cursor()

    def sql(self, query: str, values=(), as_dict: bool = False, pluck: bool = False):
        """Run one statement. Rows come as a tuple of tuples, with `as_dict` as a list of dicts."""
        cursor = self._cursor()
        try:
            cursor.execute(query, values if isinstance(values, (tuple, list, dict)) and values else None)
        except MySQLdb.OperationalError as error:
            if error.args[0] in DISTURBED:
                raise frappe.QueryDeadlockError(error) from error
            raise
        if query.split(None, 1)[0].lower() in DEFINITIONS:
            self.logger.warning('DDL Query made to DB:\n%s', query)
        if not cursor.description:
            return ()
        rows = cursor.fetchall()
        if as_dict:
            names = [column[0] for column in cursor.description]
            return [frappe._dict(zip(names, row)) for row in rows]
        return [row[0] for row in rows] if pluck else rows

    def commit(self) -> None:
        if self._connection:
            self._connection.commit()

    def rollback(self) -> None:
        if self._connection:
            self._connection.rollback()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def get_tables(self, cached: bool = True) -> list[str]:
        return self.sql(
            'select table_name from information_schema.tables where table_schema = database()', pluck=True
        )

    def get_value(self, doctype: str, filters=None, fieldname='name', as_dict: bool = False):
        """One value, or a tuple for a list of fields, of the first match; None where there is none."""
        if filters is None or filters == doctype:
            return self.get_single_value(doctype, fieldname)
        fields = [fieldname] if isinstance(fieldname, str) else list(fieldname)
        where, values = conditions(filters)
        columns = ', '.join('*' if field == '*' else f'`{field}`' for field in fields)
        rows = self.sql(f'select {columns} from {table(doctype)} where {where} limit 1', values, as_dict=as_dict)
        if not rows:
            return None
        return rows[0] if as_dict or not isinstance(fieldname, str) else rows[0][0]

    def set_value(self, doctype: str, name, fieldname, value=None) -> None:
        """Set one field, or those of a dict, of a document (of every match of a dict of filters)."""
        changes = fieldname if isinstance(fieldname, dict) else {fieldname: value}
        if name is None or name == doctype:
            for field, new in changes.items():
                self.set_single_value(doctype, field, new)
            return
        where, values = conditions(name)
        columns = ', '.join(f'`{field}` = %s' for field in changes)
        self.sql(f'update {table(doctype)} set {columns} where {where}', [*changes.values(), *values])

    def exists(self, doctype: str, name=None):
        """The name of a document, or None."""
        return self.get_value(doctype, name)

    def count(self, doctype: str, filters=None) -> int:
        where, values = conditions(filters or {})
        return self.sql(f'select count(*) from {table(doctype)} where {where}', values)[0][0]

    def get_singles(self, doctype: str):
        rows = self.sql('select field, value from tabSingles where doctype = %s', [doctype])
        return frappe._dict((field, number(field, value)) for field, value in rows)

    def get_single_value(self, doctype: str, fieldname: str, cache: bool = True):
        rows = self.sql('select value from tabSingles where doctype = %s and field = %s', [doctype, fieldname])
        return number(fieldname, rows[0][0] if rows else None)

    def set_single_value(self, doctype: str, fieldname: str, value) -> None:
        self.sql('delete from tabSingles where doctype = %s and field = %s', [doctype, fieldname])
        self.sql('insert into tabSingles (doctype, field, value) values (%s, %s, %s)', [doctype, fieldname, value])
        frappe.cache.delete_value('system_settings')

    def get_global(self, key: str):
        rows = self.sql("select defvalue from tabDefaultValue where parent = '__global' and defkey = %s", [key])
        return rows[0][0] if rows else None

    def set_global(self, key: str, value: str) -> None:
        self.set_default(key, value, parent='__global')

    def set_default(self, key: str, value, parent: str = '__default') -> None:
        self.sql('delete from tabDefaultValue where parent = %s and defkey = %s', [parent, key])
        self.sql(
            'insert into tabDefaultValue (name, parent, defkey, defvalue) values (%s, %s, %s, %s)',
            [frappe.generate_hash(10), parent, key, value],
        )


def number(field: str, value):
    return int(value or 0) if field in NUMBERS else value


def conditions(filters) -> tuple[str, list]:
    """A where clause of a name or a dict of equalities."""
    if not isinstance(filters, dict):
        filters = {'name': filters}
    return ' and '.join(f'`{field}` = %s' for field in filters) or '1', list(filters.values())
