"""The CSV template: the labels a person reads, and one sample row."""

import csv
import io

from hundi.imports.columns import COLUMNS


def template() -> bytes:
    """Write the template: UTF-8 with a byte order mark, so that spreadsheets read it as such."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.label for column in COLUMNS])
    writer.writerow([column.sample for column in COLUMNS])
    return "\ufeff".encode() + out.getvalue().encode()
