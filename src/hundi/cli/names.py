"""The words commands agree on: files of the data folder, and the demo's companies."""

from typing import Final

from hundi.kit.ids import SellerId

SECRET_FILE: Final = "secret.key"  # noqa: S105 - the name of a file
ADDRESS_FILE: Final = "hundi.address"
DEMO_SELLER: Final = SellerId("CEKDEMO001")
DEMO_BUYER: Final = SellerId("CEKDEMO002")
