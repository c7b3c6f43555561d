"""Keeps the newest evidence of every rule that is not about SLOs: answers to queries, nodes, finished runs.

What several rules ask alike is asked once. Each question has its own pace, and one that is still waiting for its answer
is not asked again. What cannot be told is `Unreadable`, with the reason; the last known facts do not stand in for it.
"""

import asyncio
import contextlib
import math
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from backstop.domain.alert_facts import NodeFacts, RunHistory, SampleFacts, Unreadable
from backstop.domain.alert_policy import AlertPolicy, ConsecutiveFailures, NodeCondition, NoSuccess, Query, Rule, Runs
from backstop.domain.errors import AccessDenied, ClusterUnavailable, SpecError
from backstop.domain.slo import Uid
from backstop.engine.rule_queries import SLOWDOWN, QuerySource, Question, Standing
from backstop.engine.rule_runs import Remembered, remember
from backstop.engine.sources import SourceBinding, granted, matchers_in
from backstop.ports.clock import Clock
from backstop.ports.facts import NodeReader, RunReader
from backstop.promql.inject import inject_matchers
from backstop.promql.parse import PromQLError

log = structlog.get_logger(__name__)

SHORTEST_INTERVAL_SECONDS: Final = 1.0
NODES_EVERY_SECONDS: Final = 10.0
RUNS_EVERY_SECONDS: Final = 30.0
REFUSED_EVERY_SECONDS: Final = 30.0  # how often a rule that cannot be asked is said to be unknown
CLUSTER_PLACES: Final = 4  # LISTs under way
LONGEST_NAP_SECONDS: Final = 1.0
SHORTEST_NAP_SECONDS: Final = 0.05  # what becomes due together is looked for once

Facts = tuple[SampleFacts, ...] | tuple[NodeFacts, ...] | RunHistory | Unreadable
RuleKey = tuple[Uid, str]  # a policy, and the name of a rule of it


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rule looks at, as of `at`: unix seconds, by the clock of the source for a query, else by ours."""

    at: float
    facts: Facts


@dataclass(frozen=True, slots=True)
class _OfQuery:
    source: QuerySource
    expression: str


@dataclass(frozen=True, slots=True)
class _OfNodes:
    selector: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _OfRuns:
    namespace: str
    cron_job: str | None
    jobs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Refused:
    why: str


_Topic = _OfQuery | _OfNodes | _OfRuns | _Refused


@dataclass(slots=True, eq=False)
class _Asked:
    """A topic that rules follow, each at its own interval in seconds; it is asked at the shortest."""

    topic: _Topic
    phase: float  # 0 … 1: where on its grid it is due, so that topics of one interval are not all due at once
    followers: dict[RuleKey, float] = field(default_factory=dict)
    due: float = -math.inf  # monotonic
    under_way: bool = False
    again: bool = False  # at once when what is under way is over
    evidence: Evidence | None = None
    question: Question | None = None  # of a query
    runs: Remembered | None = None

    def next_due(self, now: float) -> float:
        """Return the next moment on the topic's own grid, strictly after `now`."""
        interval = max(min(self.followers.values()), SHORTEST_INTERVAL_SECONDS)
        if self.question is not None and self.question.standing is Standing.SLOW:
            interval *= SLOWDOWN
        phase = self.phase * interval
        return phase + (math.floor((now - phase) / interval) + 1) * interval


class RuleEvidence:
    """Asks for what rules look at, for as long as they are followed."""

    def __init__(
        self, *, clock: Clock, nodes: NodeReader, runs: RunReader, changed: Callable[[Uid, str], None]
    ) -> None:
        """`changed` is called with a policy's uid and a rule's name when there is new evidence, even if it is alike."""
        self._clock = clock
        self._nodes = nodes
        self._runs = runs
        self._changed = changed
        self._bindings: Mapping[str, SourceBinding] = {}
        self._sources: dict[str, QuerySource] = {}
        self._policies: dict[Uid, AlertPolicy] = {}
        self._topics: dict[RuleKey, _Topic] = {}
        self._asked: dict[_Topic, _Asked] = {}
        self._joined: list[RuleKey] = []  # rules whose topic may have evidence already
        self._cluster = asyncio.Semaphore(CLUSTER_PLACES)
        self._woken = asyncio.Event()

    def set_sources(self, bindings: Mapping[str, SourceBinding]) -> None:
        """Take what the administrator configured. Evidence from a source that has changed is forgotten."""
        self._bindings = dict(bindings)
        self._sources = {
            name: known
            if (known := self._sources.get(name)) is not None and known.binding is binding
            else QuerySource(binding, self._clock, wake=self._woken.set)
            for name, binding in bindings.items()
        }
        for policy in self._policies.values():
            self._take(policy)
        self._woken.set()

    def follow(self, policies: Iterable[AlertPolicy]) -> None:
        """Take these policies, and no others. What no rule looks at any more is forgotten."""
        wanted = {policy.uid: policy for policy in policies}
        for uid in self._policies.keys() - wanted.keys():
            for rule in self._policies.pop(uid).rules:
                self._leave((uid, rule.name))
        for uid, policy in wanted.items():
            if self._policies.get(uid) is not policy:
                self._take(policy)
        self._woken.set()

    def evidence_of(self, policy_uid: Uid, rule: str) -> Evidence | None:
        """Return the newest evidence of a rule; None before the first, and for rules that are about SLOs."""
        topic = self._topics.get((policy_uid, rule))
        return None if topic is None else self._asked[topic].evidence

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._woken.clear()
                self._start_due(tasks)
                await self._clock.sleep(SHORTEST_NAP_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._nap_seconds()):
                        await self._woken.wait()

    def _nap_seconds(self) -> float:
        soonest = min((each.due for each in self._asked.values()), default=math.inf)
        return min(max(soonest - self._clock.monotonic(), 0.0), LONGEST_NAP_SECONDS)

    def _start_due(self, tasks: asyncio.TaskGroup) -> None:
        for name, source in self._sources.items():
            if source.look_due:
                tasks.create_task(source.look(), name=f"rules-look-{name}")
        now = self._clock.monotonic()
        for asked in self._asked.values():
            back = isinstance(asked.topic, _OfQuery) and asked.topic.source.answered_again
            if asked.under_way:
                asked.again = asked.again or back
            if asked.due <= now or back:
                asked.due = asked.next_due(now)
                if not asked.under_way:
                    asked.under_way = True
                    tasks.create_task(self._ask(asked), name="rule-evidence")
        for source in self._sources.values():
            source.answered_again = False
        joined, self._joined = self._joined, []
        for key in joined:
            if self.evidence_of(*key) is not None:
                self._changed(*key)

    async def _ask(self, asked: _Asked) -> None:
        standing = asked.question.standing if asked.question is not None else None
        try:
            evidence = await self._answer(asked)
        except Exception as defect:  # of one topic: the evidence of all others goes on
            log.exception("rule.defect", rules=sorted(asked.followers)[:3])
            evidence = Evidence(self._wall(), Unreadable(f"Backstop failed on it: {type(defect).__name__}: {defect}"))
        finally:
            asked.under_way = False
        if not asked.followers:
            return  # nobody looks at it any more
        asked.evidence = evidence
        if asked.again:
            asked.again, asked.due = False, -math.inf
            self._woken.set()
        elif asked.question is not None and asked.question.standing is not standing:
            asked.due = asked.next_due(self._clock.monotonic())
        for uid, rule in list(asked.followers):
            self._changed(uid, rule)

    async def _answer(self, asked: _Asked) -> Evidence:
        match asked.topic:
            case _OfQuery(source=source, expression=expression):
                asked.question = asked.question or Question(expression)
                at, answer = await source.ask(asked.question)
                return Evidence(at, answer)
            case _OfNodes(selector=selector):
                return await self._read(lambda: self._read_nodes(dict(selector)))
            case _OfRuns() as topic:
                return await self._read(lambda: self._read_runs(asked, topic))
            case _Refused(why=why):
                return Evidence(self._wall(), Unreadable(why))

    async def _read(self, reading: Callable[[], Awaitable[Facts]]) -> Evidence:
        async with self._cluster:
            at = self._wall()
            try:
                return Evidence(at, await reading())
            except (AccessDenied, ClusterUnavailable) as problem:
                return Evidence(at, Unreadable(str(problem)))

    async def _read_nodes(self, selector: Mapping[str, str]) -> Facts:
        return tuple(await self._nodes.read_nodes(selector))

    async def _read_runs(self, asked: _Asked, topic: _OfRuns) -> Facts:
        at = self._wall()
        of = Runs(cron_job=topic.cron_job) if topic.cron_job is not None else Runs(jobs=dict(topic.jobs))
        read = await self._runs.read_runs(topic.namespace, of)
        if read is None:
            asked.runs = None
            return Unreadable(f"there is no CronJob {topic.cron_job} in namespace {topic.namespace}")
        asked.runs = remember(asked.runs, read, at=at)
        return asked.runs.history

    def _wall(self) -> float:
        return self._clock.now().timestamp()

    def _take(self, policy: AlertPolicy) -> None:
        """Follow what the rules of a policy ask now, and leave what they asked before."""
        before = self._policies.get(policy.uid)
        self._policies[policy.uid] = policy
        wanted: dict[RuleKey, tuple[_Topic, float]] = {}
        for rule in policy.rules:
            if rule.enabled and (told := self._topic_of(policy, rule)) is not None:
                wanted[policy.uid, rule.name] = told
        for rule in before.rules if before is not None else ():
            key = (policy.uid, rule.name)
            if key not in wanted or self._topics.get(key) != wanted[key][0]:
                self._leave(key)
        now = self._clock.monotonic()
        for key, (topic, interval) in wanted.items():
            asked = self._asked.get(topic)
            if asked is None:
                asked = self._asked[topic] = _Asked(topic, phase=zlib.crc32(str(key).encode()) / 2**32)
            if asked.followers.get(key) != interval:
                asked.followers[key] = interval
                asked.due = min(asked.due, asked.next_due(now))
            self._topics[key] = topic
            self._joined.append(key)

    def _leave(self, key: RuleKey) -> None:
        topic = self._topics.pop(key, None)
        if topic is None:
            return
        asked = self._asked[topic]
        del asked.followers[key]
        if not asked.followers:
            del self._asked[topic]

    def _topic_of(self, policy: AlertPolicy, rule: Rule) -> tuple[_Topic, float] | None:
        """Return what a rule asks and how often, in seconds; None for one that is about SLOs."""
        match rule.when:
            case Query(interval_seconds=interval) as query:
                try:
                    return self._query(policy.namespace, query), interval
                except (SpecError, PromQLError) as problem:
                    return _Refused(f"rule {rule.name}: {problem}"), REFUSED_EVERY_SECONDS
            case NodeCondition(selector=selector):
                return _OfNodes(tuple(sorted(selector.items()))), NODES_EVERY_SECONDS
            case ConsecutiveFailures(of=of) | NoSuccess(of=of):
                jobs = tuple(sorted((of.jobs or {}).items()))
                return _OfRuns(policy.namespace, of.cron_job, jobs), RUNS_EVERY_SECONDS
            case _:
                return None

    def _query(self, namespace: str, query: Query) -> _OfQuery:
        binding = granted(query.source, namespace, self._bindings, path="when.query.source")
        matchers = matchers_in(namespace, binding)
        expression = inject_matchers(query.expression, matchers) if matchers else query.expression
        return _OfQuery(self._sources[query.source], expression)
