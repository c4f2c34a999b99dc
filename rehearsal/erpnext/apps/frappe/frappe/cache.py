"""redis-cache as frappe uses it: whatever goes wrong there is a miss, never an error.

So a wrong password is not noticed by anyone, and a host that does not answer makes each call slow: the client tries
again three times, with growing pauses.
"""

import pickle

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

import frappe

#: A redis-cache whose name is gone costs 4.5 s a call: ping then takes 9 s, as seen on the real one (9 to 17 s).
RETRY = Retry(ConstantBackoff(1.5), 3, supported_errors=(OSError, redis.exceptions.TimeoutError))
FAULTS = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, redis.exceptions.ResponseError)


class Cache:
    """Keys belong to a site (`<db_name>|<key>`) unless `shared`."""

    _connection = None

    @property
    def connection(self) -> redis.Redis:
        if self._connection is None:
            self._connection = redis.Redis.from_url(frappe.conf.redis_cache, retry=RETRY)
        return self._connection

    def key(self, name: str, shared: bool = False) -> str:
        return name if shared else f'{frappe.conf.db_name}|{name}'

    def get_value(self, name: str, generator=None, shared: bool = False):
        """The cached value, or else what `generator` makes, kept for the next caller."""
        try:
            found = self.connection.get(self.key(name, shared))
        except FAULTS:
            found = None
        if found is not None:
            return pickle.loads(found)
        if generator is None:
            return None
        value = generator()
        self.set_value(name, value, shared)
        return value

    def set_value(self, name: str, value, shared: bool = False, expires: int | None = None) -> None:
        self._try(lambda: self.connection.set(self.key(name, shared), pickle.dumps(value), ex=expires))

    def delete_value(self, name: str) -> None:
        self._try(lambda: self.connection.delete(self.key(name)))

    def delete_keys(self, prefix: str) -> None:
        def delete():
            if keys := self.connection.keys(self.key(prefix) + '*'):
                self.connection.delete(*keys)

        self._try(delete)

    def hget(self, name: str, field: str):
        found = self._try(lambda: self.connection.hget(self.key(name), field))
        return None if found is None else pickle.loads(found)

    def hset(self, name: str, field: str, value) -> None:
        self._try(lambda: self.connection.hset(self.key(name), field, pickle.dumps(value)))

    def hdel(self, name: str, field: str) -> None:
        self._try(lambda: self.connection.hdel(self.key(name), field))

    @staticmethod
    def _try(call):
        try:
            return call()
        except FAULTS:
            return None
