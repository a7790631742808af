"""Refusals about webhooks."""

from hundi.kit.errors import Forbidden, NotAllowedNow, NotFound


class EndpointNotFound(NotFound):
    """There is no such webhook endpoint in this company."""

    code = "ENDPOINT_NOT_FOUND"


class WebhookDeliveryNotFound(NotFound):
    """There is no such webhook delivery in this company, or its time in the log is over."""

    code = "WEBHOOK_DELIVERY_NOT_FOUND"


class EndpointDisabled(NotAllowedNow):
    """This endpoint is disabled. Set its status to ENABLED first."""

    code = "ENDPOINT_DISABLED"


class TooManyEndpoints(NotAllowedNow):
    """A company has at most 50 webhook endpoints. Delete one that is not needed."""

    code = "TOO_MANY_ENDPOINTS"


class StillUnderWay(NotAllowedNow):
    """This delivery has not ended yet. Replay it once it is DELIVERED or FAILED."""

    code = "DELIVERY_UNDER_WAY"


class OwnEndpointsOnly(Forbidden):
    """Webhook endpoints are changed by the company's own people, never by a partner under a grant."""

    code = "OWN_ENDPOINTS_ONLY"
