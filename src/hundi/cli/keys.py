"""The installation's secret, and the public keys that follow from it: all that the commands about keys load."""

import base64
import contextlib
import os
import secrets
from pathlib import Path

from hundi.cli.names import SECRET_FILE
from hundi.config import BadSetting, Settings
from hundi.kit.keys import Keyring
from hundi.network.keys import HomeSigner, ServerSigner
from hundi.network.protocol.parcels import CENTRE


def keyring_of(settings: Settings) -> Keyring:
    """Read the secret from the setting or from DIR/secret.key; refuse to go on without one."""
    secret = settings.secret_key
    if not secret:
        path = settings.data_dir / SECRET_FILE
        if not path.exists():
            message = (
                "HUNDI_SECRET_KEY is not set, and there is no secret.key in the data folder. Set it and start again."
            )
            raise BadSetting(message)
        secret = _read(path)
    try:
        return Keyring.parse(secret)
    except ValueError as error:
        raise BadSetting(str(error)) from error


def _read(path: Path) -> str:
    """Read a key file; raises :class:`BadSetting` where it holds no key. It is never made anew: what it sealed would be lost."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
        Keyring.parse(secret)
    except ValueError as error:
        why = "it is not text" if isinstance(error, UnicodeDecodeError) else "it is empty or too short"
        message = (
            f"{path} is no key of Hundi: {why}. Put it back from your backup, or set HUNDI_SECRET_KEY; with another key, "
            "what this installation has sealed and signed cannot be read any more."
        )
        raise BadSetting(message) from error
    return secret


def secret_of(data_dir: Path) -> str:
    """Give DIR/secret.key, made on first use: all of it or nothing, once, readable by its owner alone.

    Raises :class:`BadSetting` where the file that is there holds no key.
    """
    path = data_dir / SECRET_FILE
    if not path.exists():
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48) + "\n")
                file.flush()
                os.fsync(file.fileno())
            # A link and no renaming: where two commands make one at the same time, the first stays.
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(fresh)
        finally:
            fresh.unlink()
    return _read(path)


def centre_key(keyring: Keyring) -> str:
    """Give the public key of this installation's central unit, in base64: servers set it as HUNDI_NETWORK_CENTRE_KEY."""
    return base64.b64encode(HomeSigner(keyring, CENTRE).public_key()).decode()


def server_key(keyring: Keyring) -> str:
    """Give the public key of this server, in base64: a central unit elsewhere lets it in by that."""
    return base64.b64encode(ServerSigner(keyring).public_key()).decode()
