"""The portal's tolerance: a computed amount v accepts what lies from floor(v) - 1 to ceil(v) + 1 (contract b2b §9.3)."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal


def within_tolerance(sent: Decimal, computed: Decimal) -> bool:
    """Tell whether an amount as sent agrees with the computed one; both finite. 2345.04 takes 2344.00 to 2347.00."""
    if -1 <= sent - computed <= 1:
        return True
    least = computed.to_integral_value(ROUND_FLOOR) - 1
    return least <= sent <= computed.to_integral_value(ROUND_CEILING) + 1
