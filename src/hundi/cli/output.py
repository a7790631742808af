"""What commands print: sentences for people, one JSON document for programs, exit codes 0, 1 and 2 (design §7)."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


class Refused(Exception):
    """A command cannot be done; the sentence says why. Exit code 1."""


def say(sentence: str) -> None:
    """Tell a person something, on standard error: standard output is for results."""
    print(sentence, file=sys.stderr, flush=True)


def result(document: Any, text: str, *, as_json: bool) -> None:
    """Print the result: the JSON document and nothing else, or the text."""
    if as_json:
        print(_json(document))
    else:
        print(text)


def _json(document: Any) -> str:
    import msgspec

    return msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(document).decode()


def plain(struct: Any) -> dict[str, Any]:
    """Give a Struct as what its JSON says; amounts are text."""
    import msgspec

    # Not to_builtins: some fields hold JSON text as it was kept.
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(struct))
    return found


def refuse(sentence: str) -> NoReturn:
    """End with exit code 1 and the reason on standard error."""
    say(sentence)
    raise SystemExit(1)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; what is expected to go wrong becomes a sentence and exit code 1."""
    import asyncpg

    from hundi.config import BadSetting
    from hundi.db.embedded import DatabaseTooOld, DataFolderBusy, EmbeddedStartError
    from hundi.db.revisions import SchemaBehind
    from hundi.kit.errors import Refusal, Transient

    expected = (Refused, BadSetting, DatabaseTooOld, DataFolderBusy, EmbeddedStartError, SchemaBehind)
    try:
        return asyncio.run(work)
    except expected as error:
        refuse(str(error))
    except Refusal as error:
        lines = [error.message, *(f"  {p.field}: {p.message}" for p in error.problems)]
        refuse("\n".join(lines))
    except Transient as error:
        refuse(str(type(error).__doc__).strip())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        refuse(f"The database or a file cannot be used: {error}")
