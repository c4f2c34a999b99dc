"""A stand-in for ERPNext: a company's books in two doctypes, and the tables that tell a finished installation."""

__version__ = '16.32.3'
