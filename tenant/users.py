"""The users of a site. Verbs: `look` lists them · `check` judges what would be added · `add` adds all or none ·
`disable` closes accounts and ends their sessions.
"""

from collections import defaultdict
from datetime import timedelta

import frappe
from frappe.sessions import clear_sessions
from frappe.utils import now_datetime
from order import serve
from program import Refused

#: Frappe's own users, whom nobody adds or disables.
OWN = {"administrator", "guest"}  # MariaDB compares without case
#: Roles that Frappe gives by itself.
AUTOMATIC = {"All", "Guest", "Administrator", "Desk User"}


def look(_order):
    """Return every user with what matters to who may come in."""
    fields = "name, full_name, user_type, enabled, last_active"
    users = frappe.db.sql(f"select {fields} from tabUser where name not in ('Administrator', 'Guest')", as_dict=True)
    roles = defaultdict(list)
    for parent, role in frappe.db.sql("select parent, role from `tabHas Role` where parenttype = 'User'"):
        roles[parent].append(role)
    # every user has a row for the provider `frappe`, which says nothing
    single = {row[0] for row in frappe.db.sql("select parent from `tabUser Social Login` where provider = 'authentik'")}
    return {
        "users": [
            {
                "email": user.name,
                "name": user.full_name,
                "desk": user.user_type == "System User",
                "enabled": bool(user.enabled),
                "sso": user.name in single,
                "last_active": user.last_active,
                "roles": sorted(role for role in roles[user.name] if role not in AUTOMATIC),
            }
            for user in sorted(users, key=lambda user: user.name)
        ]
    }


def check(order):
    """Return every fault of what would be added, and how many Frappe would take within this hour."""
    roles = {row.name: row for row in frappe.db.sql("select name, disabled, desk_access from tabRole", as_dict=True)}
    return {"faults": [fault for user in order["users"] for fault in faults_of(user, roles)], **pace(order)}


def faults_of(user, roles):
    email, wanted = user["email"], user["roles"]
    unknown = [role for role in wanted if role not in roles or role in AUTOMATIC]
    disabled = [role for role in wanted if role in roles and roles[role].disabled]
    found = [f"there is no role {role}" for role in unknown] + [f"the role {role} is disabled" for role in disabled]
    if not found and not any(roles[role].desk_access for role in wanted):
        found.append("none of its roles opens the desk: Frappe would make it a website user")  # without a word
    if frappe.db.exists("User", email):
        found.append("exists already")
    return [{"email": email, "fault": fault} for fault in found]


def pace(order):
    """Frappe refuses new users beyond `throttle_user_limit` within an hour, 60 where nothing is said."""
    limit = int(frappe.conf.get("throttle_user_limit") or 60)
    since = now_datetime() - timedelta(hours=1)
    recent = frappe.db.sql("select count(*) from tabUser where creation > %s", [since])[0][0]
    return {"limit": limit, "recent": recent, "beyond": recent + len(order["users"]) > limit}


def add(order):
    """Add all of them, or none. The limit is for strangers who sign up: for this process alone it is lifted."""
    judged = check(order)
    if judged["faults"]:
        raise Refused("; ".join(f"{one['email']}: {one['fault']}" for one in judged["faults"]))
    frappe.local.conf["throttle_user_limit"] = judged["recent"] + len(order["users"])
    for user in order["users"]:
        document = frappe.new_doc("User")
        document.update({"email": user["email"], "first_name": user["first_name"], "last_name": user["last_name"]})
        document.update({"enabled": 1, "send_welcome_email": 0})
        for role in user["roles"]:
            document.append("roles", {"role": role})
        document.insert(ignore_permissions=True)
        lost = sorted(set(user["roles"]) - {row.role for row in document.roles})
        if lost:  # an app took them away without a word, as ERPNext does with Employee
            raise Refused(
                f"{user['email']}: the site gives nobody {' and '.join(lost)} in this way: "
                "Employee comes with an Employee record that names the user; nobody was added"
            )
    return judged


def disable(order):
    """Close accounts and end their sessions, which Frappe leaves open when a script disables a user."""
    unknown = [email for email in order["emails"] if email.lower() in OWN or not frappe.db.exists("User", email)]
    if unknown:
        raise Refused(f"no such user: {', '.join(unknown)}")
    if order["dry"]:
        return {"sessions": 0}
    ended = 0
    for email in order["emails"]:
        document = frappe.get_doc("User", email)
        if document.enabled:
            document.enabled = 0
            document.save(ignore_permissions=True)
            frappe.db.commit()
        ended += sessions_of(email)
        for _ in range(100):  # at most a hundred sessions at a time
            clear_sessions(user=email, force=True)
            frappe.db.commit()
            if not sessions_of(email):
                break
    return {"sessions": ended}


def sessions_of(email):
    return frappe.db.sql("select count(*) from tabSessions where user = %s", [email])[0][0]


if __name__ == "__main__":
    serve(look, check, add, disable)
