"""The one list of adapters."""

from collections.abc import Mapping
from typing import Final

from hundi.network.adapters.enkash import EnKash
from hundi.network.adapters.port import Adapter, ProviderKind
from hundi.network.adapters.zwitch import Zwitch

ADAPTERS: Final[Mapping[ProviderKind, Adapter]] = {ProviderKind.ENKASH: EnKash(), ProviderKind.ZWITCH: Zwitch()}
