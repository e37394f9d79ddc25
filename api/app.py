"""`create_app`: the one place that joins the engine, the handlers and the configuration."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import pkgutil
from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Flask, Response
from flask_migrate import Migrate
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

import engine.models  # noqa: F401  registers the tables
import handlers
from api import description
from api.absences.routes import blueprint as absences
from api.accounts.routes import blueprint as accounts
from api.applications.routes import blueprint as applications
from api.audit.routes import blueprint as audit
from api.auth import COOKIE, public, uses_tls
from api.blueprint import Api, CodeConverter, IdConverter, limit_body
from api.calendar.routes import blueprint as calendar
from api.cases.routes import blueprint as cases
from api.catalogue.routes import blueprint as catalogue
from api.channels.routes import blueprint as channels
from api.definitions.routes import blueprint as definitions
from api.docs.routes import blueprint as docs
from api.errors import problem, register_error_handlers
from api.escalations.routes import blueprint as escalations
from api.health.routes import blueprint as health
from api.health.routes import keep_own_port_to_itself
from api.incidents.routes import blueprint as incidents
from api.messages.routes import blueprint as messages
from api.my.routes import blueprint as my
from api.notices.routes import blueprint as notices
from api.progress.routes import blueprint as progress
from api.rate_limits import RequestLimits
from api.readiness.routes import blueprint as readiness
from api.representations.routes import blueprint as representations
from api.schemas import LARGEST_ID
from api.sessions.routes import blueprint as sessions
from api.sign_on.routes import blueprint as sign_on
from api.sms_templates.routes import blueprint as sms_templates
from api.tasks.routes import blueprint as tasks
from api.training.routes import blueprint as training
from api.transfers.routes import blueprint as transfers
from api.watching import watch
from config import legal
from config.settings import PROJECT, Settings
from engine import jobs, ports
from engine.db import db
from engine.errors import RuleRefused
from engine.files import LocalFiles
from engine.jobs.procrastinate_queue import ProcrastinateQueue
from engine.jobs.table import TableQueue
from engine.privacy import keyring
from handlers.rules import gates, identity, jurisdiction, workdays
from handlers.sms.gateways import gateway_of

MIGRATIONS = PROJECT / "engine" / "models" / "migrations"

RESOURCES = (
    sessions,
    sign_on,
    accounts,
    absences,
    readiness,
    audit,
    applications,
    cases,
    tasks,
    transfers,
    escalations,
    incidents,
    definitions,
    catalogue,
    calendar,
    progress,
    channels,
    my,
    representations,
    messages,
    notices,
    sms_templates,
)

#: Endpoint of /api/openapi.json, made by flask-smorest.
SPECIFICATION = "api-docs.openapi_json"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    # No script, style or page but our own files; nothing inline.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # What an officer read must not lie in a shared computer's cache.
    "Cache-Control": "no-store",
}


#: Sent where there is TLS, for a year.
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


def create_app(settings: Settings) -> Flask:
    """The whole system with these settings: tables known, operators registered, ports filled, routes in place."""
    app = Flask("tongban", static_folder=None)
    app.config.update(
        TONGBAN=settings,
        SQLALCHEMY_DATABASE_URI=settings.sqlalchemy_url,
        # Signs what a browser keeps between here and an identity provider, and nothing else.
        SECRET_KEY=hmac.new(settings.secret.encode(), b"sign-on", hashlib.sha256).digest(),
        SESSION_COOKIE_NAME="tongban_sign_on",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.mode == "production",
        # An error's text ends up in logs, and the values of a statement are personal.
        SQLALCHEMY_ENGINE_OPTIONS={"hide_parameters": True},
        API_TITLE="通办",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # A doubled slash is a wrong address, not a redirect.
    app.url_map.merge_slashes = False
    app.url_map.converters |= {"id": IdConverter, "code": CodeConverter}
    settings.home.mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS))
    register_operators()
    keyring.use(keyring.ring_of(settings))
    fill_ports(settings)
    jobs.use(queue_of(settings))
    _register_routes(app, settings)
    return app


def fill_ports(settings: Settings) -> None:
    """Give the engine what it needs of the law."""
    ports.fill(
        ports.Ports(
            calendar=workdays.WorkCalendar,
            gates=gates,
            rules=_RuleValues(),
            jurisdiction=_Jurisdiction(),
            identity_key=_identity_key(settings.secret),
            identity=identity,
            files=LocalFiles(settings.files),
            sms=gateway_of(settings),
            sending=settings.sms.rules,
        )
    )


def queue_of(settings: Settings) -> jobs.Queue:
    """Where jobs wait, by these settings."""
    return ProcrastinateQueue(settings.database_url) if settings.jobs == "procrastinate" else TableQueue()


def register_operators() -> None:
    """Import every handler: that is what registers its operators."""
    for module in pkgutil.iter_modules(handlers.__path__):
        importlib.import_module(f"{handlers.__name__}.{module.name}")


def _register_routes(app: Flask, settings: Settings) -> None:
    watch(app)
    register_error_handlers(app)
    app.register_error_handler(legal.RuleNotInForce, _not_in_force)
    app.before_request(keep_own_port_to_itself)
    app.before_request(RequestLimits(settings.access).check)
    app.before_request(limit_body)
    app.after_request(_add_headers)
    # Before the library's own, which would turn an answer that is made already into a fault.
    app.teardown_appcontext(_leave_database)
    if settings.access.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.access.proxies)  # type: ignore[method-assign]
    api = Api(app)
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    api.spec.components.security_scheme("channel", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    api.spec.components.security_scheme("browser", {"type": "apiKey", "in": "cookie", "name": COOKIE})
    api.register_converter(IdConverter, lambda _: {"type": "integer", "minimum": 1, "maximum": LARGEST_ID})
    api.register_converter(CodeConverter, lambda converter: {"type": "string", "pattern": f"^{converter.regex}$"})
    for resource in RESOURCES:
        api.register_blueprint(resource)
    if settings.mode == "training":
        api.register_blueprint(training)
    app.register_blueprint(docs)
    app.register_blueprint(health)
    app.view_functions[SPECIFICATION] = public(app.view_functions[SPECIFICATION])
    description.complete(app, api)


def _leave_database(error: BaseException | None) -> None:
    """Give the connection back; one that died on the way has nothing left to take back."""
    try:
        db.session.remove()
    except SQLAlchemyError:
        db.session.registry.clear()


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if uses_tls():
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    return response


def _not_in_force(error: legal.RuleNotInForce) -> Response:
    return problem(422, "rule_not_in_force", error.message, details={"rule": error.key, "on": error.on.isoformat()})


class _RuleValues:
    """`ports.RuleValues` by `config/rules`."""

    def value(self, key: str, on: date) -> tuple[Any, ports.Reason]:
        found = legal.rule_value(key, on)
        return found.value, found.ref.reason()


class _Jurisdiction:
    """`ports.Jurisdiction` by the province's tree."""

    def common_superior(self, first: str, second: str) -> str:
        try:
            return jurisdiction.common_superior_in_province(first, second)
        except jurisdiction.NoCommonSuperior as error:
            raise RuleRefused(error.message, code="no_common_superior") from error


def _identity_key(secret: str) -> Callable[[str], str]:
    def key(number: str) -> str:
        # The same person may be written with a small x, or with spaces from a form.
        normalised = "".join(number.split()).upper()
        return hmac.new(secret.encode(), normalised.encode(), hashlib.sha256).hexdigest()

    return key
