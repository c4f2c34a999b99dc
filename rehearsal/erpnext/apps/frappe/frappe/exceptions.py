"""The exceptions that frappe names; `http_status_code` is what the web answers with."""

from werkzeug.exceptions import NotFound


class SiteNotSpecifiedError(Exception):
    def __init__(self):
        super().__init__('Please specify --site sitename')


class IncorrectSitePath(NotFound):
    pass


class ValidationError(Exception):
    http_status_code = 417


class LinkValidationError(ValidationError):
    pass


class SignupDisabledError(Exception):
    http_status_code = 403


class InvalidEmailAddressError(ValidationError):
    pass


class QueueOverloaded(ValidationError):
    pass


class DoesNotExistError(ValidationError):
    http_status_code = 404


class AuthenticationError(Exception):
    http_status_code = 401


class PermissionError(Exception):
    http_status_code = 403


class SecurityException(Exception):
    http_status_code = 500


class DuplicateEntryError(Exception):
    http_status_code = 409


class CSRFTokenError(Exception):
    http_status_code = 400


class SessionStopped(Exception):
    http_status_code = 503


class InReadOnlyMode(Exception):
    http_status_code = 503


class LockTimeoutError(Exception):
    pass


class QueryDeadlockError(Exception):
    pass
