"""Loggers as frappe makes them: a file for the bench and one in the site's folder, or stderr where the environment says so."""

import logging
import os
from logging.handlers import RotatingFileHandler

import frappe

stream_logging = os.environ.get('FRAPPE_STREAM_LOGGING')
_loggers = {}


def get_logger(module: str) -> logging.Logger:
    """The logger of a module for the site at hand. Raises FileNotFoundError where that has no folder for its file."""
    site = getattr(frappe.local, 'site', None)
    name = f'{module}-{site or "all"}'
    if name not in _loggers:
        logger = logging.getLogger(name)
        logger.propagate = False
        for handler in make_handlers(module, site):
            handler.setFormatter(logging.Formatter(f'%(asctime)s %(levelname)s {module} %(message)s'))
            logger.addHandler(handler)
        _loggers[name] = logger
    return _loggers[name]


def make_handlers(module: str, site: str | None) -> list[logging.Handler]:
    if stream_logging:
        return [logging.StreamHandler()]
    folders = [os.path.join('..', 'logs')] + ([os.path.join(site, 'logs')] if site else [])
    paths = [os.path.join(folder, f'{module}.log') for folder in folders]
    return [RotatingFileHandler(path, maxBytes=100_000, backupCount=20) for path in paths]
