"""The API as an app of its own, so that whatever is wrong below its paths is said as the API says it."""

import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from switchhook.web.api.docs import describe, show_docs
from switchhook.web.api.door import routes_of
from switchhook.web.api.office import Office
from switchhook.web.api.operation import Answer, AnyRequest
from switchhook.web.api.operations import OPERATIONS
from switchhook.web.api.problem import failure, framework_refusal

log = structlog.get_logger(__name__)

ROOT = "/api"


def is_api(path: str) -> bool:
    """Tell whether a path is the API's, so that whatever is wrong there is said in its words."""
    first, _, _ = path.lstrip("/").partition("/")
    return first == ROOT.strip("/")


def make_api(office: Office) -> Litestar:
    """Make the app behind every path under `/api`."""
    return Litestar(
        [*routes_of(OPERATIONS), describe, show_docs],
        exception_handlers={HTTPException: no_operation, Exception: went_wrong},
        state=State({"office": office}),
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def no_operation(_: AnyRequest, error: HTTPException) -> Answer:
    return framework_refusal(error)


def went_wrong(request: AnyRequest, error: Exception) -> Answer:
    log.error("request to the API failed", path=request.scope["path"], exc_info=error)
    return failure()
