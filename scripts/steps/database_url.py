"""Print the PG* settings that a DATABASE_URL stands for, as lines for a shell."""

import shlex
import sys
from urllib.parse import parse_qs, unquote, urlsplit


def settings(url):
    """Translate postgres://user:password@host:port/?sslmode=... for libpq.

    >>> settings("postgres://me:a%20b@db:5433/x")
    {'PGHOST': 'db', 'PGPORT': '5433', 'PGUSER': 'me', 'PGPASSWORD': 'a b'}
    >>> settings("postgresql:///?host=/run/postgresql")
    {'PGHOST': '/run/postgresql', 'PGPORT': '5432'}
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("DATABASE_URL must begin with postgres://")
    query = parse_qs(parts.query)
    found = {
        "PGHOST": unquote(parts.hostname or "") or query.get("host", ["localhost"])[0],
        "PGPORT": str(parts.port or query.get("port", ["5432"])[0]),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGSSLMODE": query.get("sslmode", [""])[0],
    }
    return {name: value for name, value in found.items() if value}


if __name__ == "__main__":
    try:
        found = settings(sys.argv[1])
    except ValueError as error:
        print(f"die {shlex.quote(str(error))}")  # scripts/lib knows the command
    else:
        for key, text in found.items():
            print(f"export {key}={shlex.quote(text)}")
