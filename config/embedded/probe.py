"""What any server must hold to before web and workers start: reachable, new enough, and a role without power."""

import errno
import socket

import psycopg
from psycopg.conninfo import conninfo_to_dict

from config.embedded.exceptions import StartRefused

OLDEST = 15
TIMEOUT = 5  # seconds for one address of one server; libpq asks the next one after that

# The session's own user and not the current one: what SET ROLE hid, RESET ROLE brings back. A member of a role can
# become it, so being a member is as good as being it.
RIGHTS = """
SELECT current_setting('server_version_num')::int / 10000,
       exists(SELECT FROM pg_roles r WHERE r.rolsuper AND pg_has_role(session_user, r.oid, 'MEMBER')),
       exists(SELECT FROM pg_roles r WHERE r.rolbypassrls AND pg_has_role(session_user, r.oid, 'MEMBER')),
       exists(SELECT FROM pg_database d
              WHERE d.datname = current_database() AND pg_has_role(session_user, d.datdba, 'MEMBER')),
       exists(SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = 'public' AND (pg_has_role(session_user, c.relowner, 'MEMBER')
                                              OR pg_has_role(session_user, n.nspowner, 'MEMBER')))
"""


def probe(url: str, role: str = "application") -> None:
    """Connects once and refuses a server or role that Attune must not run on. `role` is "application" or "owner".

    A superuser or owner ignores grants, and row-level security too: with it every right that the schema takes away
    from web and workers would be a show. Raises StartRefused; no password is in the message.
    """
    name = {"application": "DATABASE_URL", "owner": "DATABASE_OWNER_URL"}[role]
    given = _parse(name, url)
    place = f"{given.get('user', '')}@{given.get('host', 'localhost')}/{given.get('dbname', '')}"
    try:
        with psycopg.connect(url, connect_timeout=TIMEOUT, application_name="attune start") as connection:
            version, superuser, bypasses, owns_database, owns_table = connection.execute(RIGHTS).fetchone()
    except psycopg.Error as error:
        raise StartRefused(f"{name} ({place}): {_reason(error, given)}") from error
    if version < OLDEST:
        raise StartRefused(f"{name} ({place}): PostgreSQL {version} is too old: use {OLDEST} or newer.")
    if role == "owner":
        if not (superuser or owns_database):
            raise StartRefused(
                f"{name} ({place}): the role does not own the database: use the owner's address, "
                f"or run ALTER DATABASE {given.get('dbname', '')} OWNER TO {given.get('user', '')}."
            )
        return
    power = {
        "is a superuser": superuser,
        "may bypass row-level security": bypasses,
        "owns the database": owns_database,
        "owns tables": owns_table,
    }
    held = [what for what, has in power.items() if has]
    if held:
        raise StartRefused(
            f"{name} ({place}): the role {held[0]}, itself or as a member of another: "
            "use a plain role for web and workers, and keep this one for DATABASE_OWNER_URL."
        )


def _parse(name: str, url: str) -> dict[str, str]:
    """The parts of an address. What libpq says of a bad one may hold half of a password, so it is not repeated."""
    bad = StartRefused(
        f"{name} is not a PostgreSQL address: write postgresql://USER:PASSWORD@HOST:5432/NAME, "
        "with %40 for @, %2F for / and %3A for : inside the password."
    )
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise bad from None
    # Signs of a password that was not encoded: its rest stands where the host, the port or the database should.
    odd = "@" in given.get("host", "") + given.get("dbname", "")
    if odd or not given.get("port", "0").replace(",", "").isdigit():
        raise bad
    return given


def _reason(error: psycopg.Error, given: dict[str, str]) -> str:
    """One line for a failed connection: the server's own words where it spoke, and what to do."""
    text = str(error)
    user, database = given.get("user", ""), given.get("dbname", "")
    known = {
        "password authentication failed": "wrong user or password: correct them in the address.",
        "no password supplied": "the server asks for a password: put it into the address.",
        "no pg_hba.conf entry": "the server does not let this user in from here: add a line to its pg_hba.conf.",
        f'role "{user}" does not exist': f"the server knows no role {user}: create it, or correct the address.",
        f'database "{database}" does not exist': f"no database {database}: create it, or correct the address.",
        "too many": "the server has no free connection: close some, or raise its max_connections.",
        "starting up": "the server is still starting: try again in a moment.",
        "timeout": f"no answer within {TIMEOUT} seconds: check host, port and firewall.",
        "timed out": f"no answer within {TIMEOUT} seconds: check host, port and firewall.",
        "resolve": "the host name is not known: correct the address.",
        "could not translate": "the host name is not known: correct the address.",
        "Connection refused": "nothing listens there: start the server, or correct host and port.",
        "No such file": "no socket there: start the server, or correct the folder.",
    }
    for sign, reason in known.items():
        if sign in text:
            return reason
    return f"cannot connect ({text.splitlines()[-1].strip()}): correct the address."


def check_port(host: str, port: int, variable: str = "PORT") -> None:
    """Refuses an address that the web server could not listen on."""
    problem = _listen(host, port)
    if problem is None:
        return
    if problem.errno == errno.EADDRINUSE:
        free = free_port(host, port)
        raise StartRefused(
            f"{host}:{port} is taken by another program: stop it, or set {variable} to a free port such as {free}."
        )
    if problem.errno == errno.EACCES:
        raise StartRefused(f"Port {port} is reserved for root: set {variable} to one above 1023.")
    raise StartRefused(f"Cannot listen on {host}:{port} ({problem.strerror}): correct the host or {variable}.")


def free_port(host: str, port: int) -> int:
    """The first port from `port` on that nobody listens on, 0 (the system's choice) when there is none."""
    return next((number for number in range(max(port, 1024), 65536) if _listen(host, number) is None), 0)


def _listen(host: str, port: int) -> OSError | None:
    """Why nobody can listen there. Like a web server, it takes an address whose last connections are just closing."""
    if not 0 < port < 65536:
        return OSError(errno.EINVAL, "a port lies between 1 and 65535")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(address)
            server.listen(1)
    except OSError as error:
        return error
    return None
