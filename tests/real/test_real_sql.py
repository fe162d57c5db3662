"""The SQL store on servers that nobody here wrote."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.real.databases import Server, mariadb, postgres
from tests.sql_stores import opened
from tests.stores_contract import ConditionContract, StoreContract, Subject

pytestmark = pytest.mark.real

SERVERS = {"postgres": postgres, "mariadb": mariadb}


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as running:
        yield running


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    name = f"lens_{uuid4().hex[:12]}"
    server.admin(f"CREATE DATABASE {name}")
    yield name
    force = " WITH (FORCE)" if server.scheme == "postgresql" else ""
    server.admin(f"DROP DATABASE {name}{force}")


class TestTheSqlStoreOnAServer(StoreContract, ConditionContract):
    @pytest.fixture
    def subject(self, server: Server, database: str) -> Subject:
        return Subject(lambda: opened(server.address(database)))
