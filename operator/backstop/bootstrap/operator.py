"""Puts the operator together: which adapters there are, and the order in which they start and stop."""

import asyncio
import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from backstop.adapters.clock import SystemClock
from backstop.adapters.configuration.file import ConfigurationFile
from backstop.adapters.kopf.login import Credentials
from backstop.adapters.kopf.watcher import WatchCallbacks, Watcher
from backstop.adapters.kubernetes.calls import KINDS
from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient
from backstop.adapters.kubernetes.events import EventRecorder
from backstop.adapters.kubernetes.intake import Intake
from backstop.adapters.kubernetes.lease import LeaseElector
from backstop.adapters.kubernetes.lister import Lister
from backstop.adapters.kubernetes.status_writer import KubernetesStatusWriter
from backstop.adapters.kubernetes.sweeper import Sweeper
from backstop.adapters.kubernetes.workload_reader import KubernetesWorkloadReader
from backstop.adapters.prometheus.source import connect
from backstop.adapters.store.checkpoints import SqliteCheckpoints
from backstop.adapters.telemetry.logs import configure_logs
from backstop.adapters.telemetry.measured import MeasuredSource
from backstop.adapters.telemetry.prometheus import PrometheusTelemetry
from backstop.adapters.web.server import WebServer
from backstop.api.configuration import Configuration, Source
from backstop.api.to_domain import to_domain
from backstop.bootstrap.admission import admission_webhook
from backstop.bootstrap.alerting import ALONE, build_alerting
from backstop.domain.leadership import FencingToken, LeaseSettings
from backstop.domain.status_change import WriteLimits
from backstop.engine.engine import Engine
from backstop.engine.publisher import StatusPublisher
from backstop.engine.sources import SourceBinding
from backstop.engine.witnesses import Witnesses
from backstop.ports.cluster import Leadership

log = structlog.get_logger(__name__)

LIVE_SECONDS: Final = 60.0  # an engine that has not looked at its schedule for so long is stuck


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What `backstop run` was told on its command line."""

    config_path: Path
    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str = "backstop-system"  # of the Lease


class AlwaysLeader:
    """Leadership of a process that is alone by configuration."""

    def is_leader(self) -> bool:
        return True


class Operator:
    """All parts of a running operator."""

    def __init__(self, options: RunOptions, configuration: ConfigurationFile, client: KubernetesClient) -> None:
        config = configuration.current
        self._options = options
        self._configuration = configuration
        self._client = client
        self._clock = clock = SystemClock()
        self.telemetry = telemetry = PrometheusTelemetry()
        identity = f"{os.environ.get('POD_UID') or socket.gethostname()}-{secrets.token_hex(4)}"
        self._elector = _elector(config, client, options, identity, clock, telemetry)
        leadership: Leadership = self._elector or AlwaysLeader()
        writer = KubernetesStatusWriter(client, EventRecorder(client, clock=clock, instance=identity))
        self._publisher = StatusPublisher(
            writer=writer,
            clock=clock,
            leadership=leadership,
            telemetry=telemetry,
            limits=WriteLimits(numbers_every=config.status.minimum_interval, heartbeat=config.status.heartbeat),
            writes_per_second=config.status.writes_per_second,
        )
        self._checkpoints = _checkpoints(config, telemetry)
        self._alerting = build_alerting(
            client,
            lambda: configuration.current,
            clock=clock,
            leadership=leadership,
            token=self._token,
            publisher=self._publisher,
            telemetry=telemetry,
        )
        self.engine = Engine(
            parse=to_domain,
            clock=clock,
            telemetry=telemetry,
            publisher=self._publisher,
            witnesses=Witnesses(KubernetesWorkloadReader(client), clock),
            awaited=KINDS,
            alerting=self._alerting.alerting,
            followers=self._alerting.followers,
            checkpoints=self._checkpoints,
        )
        self._admission = admission_webhook(
            config.admission,
            client,
            namespace=options.namespace,
            clock=clock,
            leadership=leadership,
            known=self.engine.known,
            telemetry=telemetry,
        )
        self._started_with = config
        self._bindings: dict[str, tuple[Source, SourceBinding]] = {}
        self._closing: asyncio.TaskGroup
        self._orderly = False  # no part failed, so what is known may be kept
        self.web = WebServer(
            host=config.web.host,
            port=config.web.port,
            alive=self._alive,
            ready=self._ready,
            metrics=telemetry.render,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set or a part fails; release the Lease and close everything in the end."""
        try:
            async with asyncio.TaskGroup() as tasks:
                port = await self.web.start()
                log.info("web.listening", port=port)
                self._closing = tasks
                self._take(self._configuration.current)
                parts = [
                    tasks.create_task(self.engine.run(), name="engine"),
                    tasks.create_task(self._watch(), name="watch"),
                    tasks.create_task(self._reload(), name="configuration"),
                ]
                parts.append(tasks.create_task(self._alerting.outbox.run(), name="outbox"))
                if self._elector is not None:
                    parts.append(tasks.create_task(self._elector.run(), name="lease"))
                else:
                    self.telemetry.leads(leader=True)
                if self._admission is not None:
                    parts.append(tasks.create_task(self._admission.run(), name="admission"))
                await stop.wait()
                log.info("operator.stopping")
                for part in parts:
                    part.cancel()
            self._orderly = True
        finally:
            await self._close()

    async def _watch(self) -> None:
        """Watch with kopf and sweep with LISTs; both go through the intake, in this loop."""
        loop = asyncio.get_running_loop()
        namespaces = self._configuration.current.watch.namespaces
        intake = Intake(
            on_object=self.engine.on_object,
            on_deleted=self.engine.on_deleted,
            on_synced=self.engine.on_synced,
            on_deaf=lambda kind: watchers[kind].restart(f"the watch of {kind} is deaf"),
            monotonic=self._clock.monotonic,
        )
        sweeper = Sweeper(
            Lister(self._client),
            intake,
            clock=self._clock,
            namespaces=namespaces,
            on_absent=self.engine.on_absent,
            on_served=lambda kind: watchers[kind].restart(f"{kind} is served now"),
        )

        def restarted(kind: str, _: str) -> None:
            self.telemetry.watch_restarted()
            sweeper.request(kind)

        callbacks = WatchCallbacks(
            on_object=intake.watched,
            on_deleted=intake.unwatched,
            on_listed=sweeper.request,
            on_restart=restarted,
        )
        watchers = {
            kind: Watcher(kind, callbacks, loop=loop, namespaces=namespaces, login=self._log_in) for kind in KINDS
        }
        for watcher in watchers.values():
            watcher.start()
        try:
            await sweeper.run()
        finally:
            await asyncio.gather(*(asyncio.to_thread(watcher.stop) for watcher in watchers.values()))

    async def _log_in(self) -> Credentials:
        found = await self._client.connection()
        return Credentials(
            server=found.server,
            insecure=found.insecure,
            ca_path=found.ca_path,
            certificate_path=found.certificate_path,
            private_key_path=found.private_key_path,
            token=found.token,
        )

    async def _reload(self) -> None:
        """Take changes of the configuration file; a bad one leaves the last good one in force."""
        async for file in self._configuration.changes():
            if file.problem is not None:
                log.error("configuration.refused", problem=str(file.problem), kept="the last good one")
            self._take(file.current)

    def _take(self, config: Configuration) -> None:
        configure_logs(level=config.logging.level, form=config.logging.format)
        self.telemetry.configuration(valid=self._configuration.problem is None)
        bindings: dict[str, tuple[Source, SourceBinding]] = {}
        for source in config.sources:
            known = self._bindings.get(source.name)
            bindings[source.name] = known if known is not None and known[0] == source else (source, self._bind(source))
        dropped = [b for name, (_, b) in self._bindings.items() if name not in bindings or bindings[name][1] is not b]
        self._bindings = bindings
        self.engine.set_sources({name: binding for name, (_, binding) in bindings.items()})
        for binding in dropped:
            # What still waits for an answer of the old source gets an error, which is unknown evidence.
            self._closing.create_task(binding.source.close(), name=f"close-{binding.source.name}")
        self._warn_of_restart(config)

    def _warn_of_restart(self, config: Configuration) -> None:
        """Name the sections that are read at start only."""
        for section in ("watch", "leader_election", "status", "checkpoint", "web", "admission"):
            if getattr(config, section) != getattr(self._started_with, section):
                log.warning("configuration.needs_restart", section=section)

    def _bind(self, source: Source) -> SourceBinding:
        measured = MeasuredSource(connect(source), telemetry=self.telemetry, clock=self._clock)
        return SourceBinding(
            source=measured,
            allowed_namespaces=source.allowed_namespaces,
            enforced_matchers=source.enforce_matcher,
            ingestion_delay_seconds=source.ingestion_delay,
            identity=json.dumps([source.url, dict(source.headers), dict(source.header_files)], sort_keys=True),
        )

    def _token(self) -> FencingToken | None:
        return ALONE if self._elector is None else self._elector.token

    def _alive(self) -> str | None:
        age = self._clock.monotonic() - self.engine.scheduler.last_tick
        return None if age < LIVE_SECONDS else f"the scheduler has not run for {age:.0f} s"

    def _ready(self) -> str | None:
        if self._admission is not None and (problem := self._admission.server.problem()) is not None:
            return problem
        return None if self.engine.synced else "the first complete LIST of SLOs is still to come"

    async def _close(self) -> None:
        if self._elector is not None:
            await self._elector.release()
        if self._checkpoints is not None:
            if self._orderly:
                await self.engine.save()
            await self._checkpoints.close()
        for _, binding in self._bindings.values():
            await binding.source.close()
        if self._admission is not None:
            await self._admission.server.close()
        await self.web.close()
        await self._client.close()


def _checkpoints(config: Configuration, telemetry: PrometheusTelemetry) -> SqliteCheckpoints | None:
    """Return where the ledger is kept, None where the configuration names no folder."""
    if config.checkpoint.folder is None:
        return None
    return SqliteCheckpoints(
        Path(config.checkpoint.folder),
        volume_bytes=config.checkpoint.size_mebibytes * 2**20,
        on_set_aside=telemetry.checkpoint_set_aside,
    )


def _elector(
    config: Configuration,
    client: KubernetesClient,
    options: RunOptions,
    identity: str,
    clock: SystemClock,
    telemetry: PrometheusTelemetry,
) -> LeaseElector | None:
    """Return the elector, None where the configuration says that this process is alone."""
    if not config.leader_election.enabled:
        return None
    election = config.leader_election
    telemetry.leads(leader=False)
    return LeaseElector(
        client,
        namespace=options.namespace,
        identity=identity,
        clock=clock,
        settings=LeaseSettings(
            duration=election.lease_duration,
            renew_deadline=election.lease_duration * 2 / 3,
            retry_period=min(election.renew_every, election.lease_duration / 3),
        ),
        on_change=lambda leading: telemetry.leads(leader=leading),
    )


async def run_operator(options: RunOptions, stop: asyncio.Event) -> None:
    """Run the operator until `stop` is set. Raises BackstopError when it cannot start."""
    configuration = ConfigurationFile(options.config_path, clock=SystemClock())
    configure_logs(level=configuration.current.logging.level, form=configuration.current.logging.format)
    client = await KubernetesClient.connect(ClientSettings(kubeconfig=options.kubeconfig, context=options.context))
    log.info("operator.starting", server=client.server, config=str(options.config_path))
    await Operator(options, configuration, client).run(stop)
