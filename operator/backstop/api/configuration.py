"""The operator's configuration file: one model for all of it (semantics K16).

Written by the people who install Backstop. Every problem of a file is found at once and told with its path and the fix;
whoever reads the file keeps the last good configuration in force. Secrets are named by file, never written here.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from backstop.api import configuration_rules as rules
from backstop.domain.duration import parse_duration
from backstop.domain.errors import SpecError
from backstop.vocabulary import MAX_NAME_LENGTH, WEBHOOK_CONFIGURATION

DEFAULT_PATH: Final = "/etc/backstop/config.yaml"
PATH_VARIABLE: Final = "BACKSTOP_CONFIG"


class ConfigurationError(SpecError):
    """The configuration file is wrong. `problems` has one SpecError per wrong field, in the order of the file."""

    def __init__(self, problems: tuple[SpecError, ...]) -> None:
        super().__init__("", "; ".join(str(problem) for problem in problems))
        self.problems = problems


def _seconds(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration; write it as 10s, 5m or 500ms")  # noqa: TRY004  pydantic's protocol
    return parse_duration(value)


Seconds = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=str)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


class BasicAuth(_Model):
    username: str = Field(min_length=1, description="User name.")
    password_file: FilePath = Field(description="File with the password; read again for every query.")


class Auth(_Model):
    """How Backstop proves who it is: exactly one member."""

    bearer_token_file: FilePath | None = Field(
        default=None,
        description="File with a bearer token, a projected service account token for one; read for every query.",
    )
    basic: BasicAuth | None = Field(default=None, description="HTTP basic authentication.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.bearer_token_file is None) == (self.basic is None):
            raise ValueError("set exactly one of bearerTokenFile and basic")
        return self


class Tls(_Model):
    ca_file: FilePath | None = Field(
        default=None, description="File with the CA certificates to trust instead of the public ones."
    )
    cert_file: FilePath | None = Field(default=None, description="File with the client certificate; needs keyFile.")
    key_file: FilePath | None = Field(
        default=None, description="File with the key of the client certificate; needs certFile."
    )
    insecure_skip_verify: bool = Field(
        default=False,
        description="Accept any server certificate. Whoever sits between can then read and forge answers.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("certFile and keyFile belong together: set both or none")
        if self.insecure_skip_verify and self.ca_file is not None:
            raise ValueError("caFile has no effect with insecureSkipVerify: remove one of them")
        return self


class Source(_Model):
    """One metrics source: any server that speaks Prometheus's HTTP API."""

    name: str = Field(
        max_length=MAX_NAME_LENGTH,
        description="What `spec.source` of an SLO says; `default` is used where it says nothing.",
    )
    url: str = Field(
        max_length=2048, description="http or https address, path prefix allowed; no credentials and no query inside."
    )
    allowed_namespaces: tuple[str, ...] = Field(
        default=("*",),
        description="Namespaces whose SLOs may use this source: names, or patterns with `*` and `?`.",
    )
    timeout: Seconds = Field(
        default=10.0,
        ge=0.1,
        le=300,
        description="Bound of every query, waiting for a free place included.",
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="Most queries in flight at a time.")
    ingestion_delay: Seconds | None = Field(
        default=None,
        ge=0,
        le=3600,
        description="How long it takes until a sample can be read, where that is longer than a scrape, as by remote "
        "write. Everything is evaluated as of that long ago. By default slices are sealed one scrape interval late, "
        "which covers a Prometheus that scrapes itself.",
    )
    auth: Auth | None = Field(default=None, description="Credentials; none by default.")
    tls: Tls = Field(default=Tls(), description="Certificates, for https addresses.")
    headers: Mapping[str, str] = Field(
        default={}, max_length=16, description="Headers sent with every query, a tenant id for one. Not for secrets."
    )
    header_files: Mapping[str, FilePath] = Field(
        default={}, max_length=16, description="Headers whose values are secret: name to file, read for every query."
    )
    enforce_matcher: Mapping[str, str] = Field(
        default={},
        max_length=8,
        description="Label to value, added to every selector of every query; `$namespace` is the namespace of the SLO. "
        "Without it, everybody who may write SLOs can read all metrics of this source.",
    )

    _name = field_validator("name")(rules.name)
    _url = field_validator("url")(rules.url)
    _patterns = field_validator("allowed_namespaces")(rules.namespace_patterns)
    _headers = field_validator("headers")(rules.headers)
    _header_files = field_validator("header_files")(rules.header_names)
    _matcher = field_validator("enforce_matcher")(rules.enforced_matchers)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.tls != Tls() and not self.url.startswith("https://"):
            raise ValueError("tls has no effect on an http address: use https in url, or remove tls")
        rules.headers_once(self.headers, self.header_files, authenticated=self.auth is not None)
        return self


class Watch(_Model):
    namespaces: tuple[str, ...] = Field(default=(), max_length=256, description="Namespaces to watch; empty means all.")

    _names = field_validator("namespaces")(rules.namespaces)


class LeaderElection(_Model):
    enabled: bool = Field(
        default=True,
        description="Whether a replica must hold the Lease before it writes. Off only for a single process.",
    )
    lease_duration: Seconds = Field(default=15.0, ge=3, le=300, description="How long a silent leader keeps the Lease.")
    renew_every: Seconds = Field(
        default=5.0, ge=0.5, le=100, description="How often the leader renews it; at most a third of leaseDuration."
    )

    @model_validator(mode="after")
    def _two_renewals_may_fail(self) -> Self:
        if self.renew_every * 3 > self.lease_duration:
            raise ValueError(
                f"renewEvery ({self.renew_every:g}s) is more than a third of leaseDuration ({self.lease_duration:g}s), "
                "so two failed renewals would lose the Lease; lower renewEvery or raise leaseDuration"
            )
        return self


class Status(_Model):
    writes_per_second: int = Field(
        default=50, ge=1, le=1000, description="Most status writes a second, all SLOs together."
    )
    heartbeat: Seconds = Field(
        default=600.0,
        ge=60,
        le=86_400,
        description="A status without news is written again after about this time.",
    )
    minimum_interval: Seconds = Field(
        default=60.0,
        ge=1,
        le=3600,
        description="Numbers of one SLO are written at most this often; changes of state at once.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum_interval > self.heartbeat:
            raise ValueError("minimumInterval is longer than heartbeat: lower it")
        return self


class Web(_Model):
    host: str = Field(default="0.0.0.0", min_length=1, description="Address for /metrics, /healthz and /readyz.")  # noqa: S104  scraped and probed from outside the pod
    port: int = Field(default=8080, ge=0, le=65_535, description="Port; 0 takes a free one.")


class Admission(_Model):
    enabled: bool = Field(
        default=False,
        description="Whether the API server asks this operator before it stores an SLO or another object of ours. "
        "Needs the ValidatingWebhookConfiguration, the Secret `backstop-webhook-tls` and the Service of the chart.",
    )
    host: str = Field(default="0.0.0.0", min_length=1, description="Address for the API server's questions.")  # noqa: S104  asked from outside the pod
    port: int = Field(default=9443, ge=0, le=65_535, description="Port for them, with TLS; 0 takes a free one.")
    names: tuple[Annotated[str, Field(min_length=1, max_length=253)], ...] = Field(
        default=(),
        max_length=16,
        description="DNS names or addresses under which the API server calls: the certificate is made for them.",
    )
    configuration: str = Field(
        default=WEBHOOK_CONFIGURATION,
        min_length=1,
        max_length=253,
        description="Name of the ValidatingWebhookConfiguration whose caBundle is filled in.",
    )

    @model_validator(mode="after")
    def _callable(self) -> Self:
        if self.enabled and not self.names:
            raise ValueError(
                "names is empty: write under which name the API server calls, backstop-webhook.NAMESPACE.svc"
            )
        return self


class Checkpoint(_Model):
    folder: FilePath | None = Field(
        default=None,
        description="Folder of this replica alone where the ledger is kept over a restart. Without one, history is "
        "read from the sources again, as far back as they have any.",
    )
    size_mebibytes: int = Field(
        default=512,
        ge=16,
        le=65_536,
        description="Size of the volume with that folder, in MiB. The ledger takes at most 45 % of it.",
    )


class Notifications(_Model):
    """Where notification channels may send to. Their addresses are written by whoever may write channels."""

    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        max_length=256,
        description="Hosts that https addresses of channels may name: `hooks.example.com`, or `*.example.com` for "
        "every name below it. None by default.",
    )
    allowed_hosts_without_tls: tuple[str, ...] = Field(
        default=(),
        max_length=256,
        description="Hosts that http addresses may name. Whoever sits between can read such messages.",
    )
    allowed_networks: tuple[str, ...] = Field(
        default=(),
        max_length=64,
        description="Networks such as `10.20.0.0/16` that allowed hosts may lead to although they are not public. "
        "Loopback, link-local and private addresses, those of pods and Services among them, are refused otherwise.",
    )

    _hosts = field_validator("allowed_hosts", "allowed_hosts_without_tls")(rules.host_patterns)
    _networks = field_validator("allowed_networks")(rules.networks)


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Logging(_Model):
    level: LogLevel = Field(default=LogLevel.INFO, description="Least severe level that is written.")
    format: Literal["json", "console"] = Field(default="json", description="`json` for machines, `console` for people.")


class Configuration(_Model):
    """All of `/etc/backstop/config.yaml`."""

    sources: tuple[Source, ...] = Field(max_length=64, description="Where SLIs come from; at least one.")
    watch: Watch = Field(default=Watch(), description="What is watched.")
    leader_election: LeaderElection = Field(
        default=LeaderElection(), description="Who may write, where several replicas run."
    )
    status: Status = Field(default=Status(), description="How often the status of SLOs is written.")
    checkpoint: Checkpoint = Field(default=Checkpoint(), description="What is kept of the ledger over a restart.")
    notifications: Notifications = Field(default=Notifications(), description="Where incidents may be told.")
    web: Web = Field(default=Web(), description="The operator's own HTTP server.")
    admission: Admission = Field(default=Admission(), description="Judging objects before they are stored.")
    logging: Logging = Field(default=Logging(), description="What the operator says of itself.")

    @field_validator("sources")
    @classmethod
    def _not_empty_and_unique(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        if not sources:
            raise ValueError("is empty; name at least one Prometheus")
        names = [source.name for source in sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"the name {name!r} is used {names.count(name)} times; SLOs could not tell which is meant"
                )
        return sources

    def source(self, name: str) -> Source | None:
        """Return the source of that name, None when there is none."""
        return next((source for source in self.sources if source.name == name), None)


class _Loader(yaml.SafeLoader):
    """YAML in which a key given twice is an error: the first value would vanish silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  the signature of the base class
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            seen: set[str] = set()
            for key, _ in node.value:
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return mapping


def parse_configuration(text: str) -> Configuration:
    """Return the configuration in a YAML text. Raises ConfigurationError with all problems."""
    try:
        document = yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
    except yaml.YAMLError as exc:
        raise ConfigurationError((SpecError("", _yaml_problem(exc)),)) from exc
    if not isinstance(document, Mapping):
        raise ConfigurationError((SpecError("", "the file is no mapping; start with `sources:`"),))
    try:
        return Configuration.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as exc:
        # Without the input: a secret that someone put into the wrong field must not reach a log.
        raise ConfigurationError(tuple(_problem(error) for error in exc.errors(include_url=False))) from None


def _yaml_problem(exc: yaml.YAMLError) -> str:
    mark = getattr(exc, "problem_mark", None)
    what = getattr(exc, "problem", None) or "characters that YAML does not allow"
    return f"no valid YAML: {what}" + (f" (line {mark.line + 1}, column {mark.column + 1})" if mark else "")


def _problem(error: ErrorDetails) -> SpecError:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    match error["type"]:
        case "missing":
            return SpecError(path, "is required; add it")
        case "extra_forbidden":
            return SpecError(path, "is no field of the configuration; remove it or correct its spelling")
        case "model_type":
            return SpecError(path, "is no mapping of fields; fill it in, or remove it")
        case "value_error":
            return SpecError(path, str(error["ctx"]["error"]))
        case _:
            return SpecError(path, error["msg"][0].lower() + error["msg"][1:])
