"""Settings: the only reader of the environment."""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec
import pytest

from hundi.config import BadSetting, Settings, load


def test_nothing_set_gives_the_defaults_and_no_secret() -> None:
    settings = load({})
    assert settings == Settings()
    assert settings.secret_key is None
    assert settings.database_url is None


def test_every_setting_can_be_read_and_is_described() -> None:
    hints = get_type_hints(Settings, include_extras=True)
    for field in msgspec.structs.fields(Settings):
        assert any(getattr(meta, "description", None) for meta in hints[field.name].__metadata__), field.name
        most = min((meta.le for meta in hints[field.name].__metadata__ if meta.le is not None), default=200)
        text = str(min(most, 200)) if isinstance(field.default, int) else "/some/where"
        text = {"log_level": "error", "outgoing_allow": "erp.lan:8443,[::1]:80"}.get(field.name, text)
        text = str(not field.default) if isinstance(field.default, bool) else text
        found = getattr(load({f"HUNDI_{field.name.upper()}": text}), field.name)
        assert str(found) == text


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"HUNDI_PORT": "x"}, "HUNDI_PORT"), ({"HUNDI_PORT": "70000"}, "HUNDI_PORT"), ({"HUNDI_PORT": "-1"}, "HUNDI_PORT"),
        ({"HUNDI_LOG_LEVEL": "loud"}, "HUNDI_LOG_LEVEL"), ({"HUNDI_POOL_SIZE": "1"}, "HUNDI_POOL_SIZE"), ({"HUNDI_POTR": "1"}, "HUNDI_POTR"),
        ({"HUNDI_CHUNK_ROWS": "1.5"}, "HUNDI_CHUNK_ROWS"), ({"HUNDI_RESULT_DAYS": "NaN"}, "HUNDI_RESULT_DAYS"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(environment: dict[str, str], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        load(environment)


def test_an_empty_variable_is_as_good_as_none_and_others_are_left_alone() -> None:
    assert load({"HUNDI_PORT": "", "PATH": "/bin", "HUNDIX": "1"}).port == 8000


def test_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUNDI_PORT", "1234")
    overrides: dict[str, Any] = {"port": 4321, "host": None}
    assert load(**overrides).port == 4321
    assert load().port == 1234
