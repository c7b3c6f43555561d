"""Every name that leaves the process, once: API group, conditions, reasons, events, metrics, labels, limits.

The reference pages are generated from here. Names are API: they change only with a release note.
"""

from enum import StrEnum
from typing import Final

GROUP: Final = "backstop.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "backstop"

STATUS_FIELD_MANAGER: Final = "backstop-status"  # owns the status of SLOs, and nothing else
INCIDENT_FIELD_MANAGER: Final = "backstop-incident"  # writes incidents
LEASE_NAME: Final = "backstop-leader"  # in the operator's own namespace
WEBHOOK_TLS: Final = "backstop-webhook-tls"  # there, too: the certificate of the admission webhook
WEBHOOK_CONFIGURATION: Final = "backstop"  # the ValidatingWebhookConfiguration, unless the configuration says another

DEFAULT_SOURCE: Final = "default"
WINDOW_PLACEHOLDER: Final = "$window"  # in indicator.query expressions; {{.window}} means the same

# Limits of the API (semantics K11). Every list, string and map of the schema has one.
MAX_WINDOWS: Final = 4
MAX_PROMQL_LENGTH: Final = 4096
MAX_TEXT_LENGTH: Final = 1024
MAX_NAME_LENGTH: Final = 63
MAX_GROUP_BY: Final = 8
MAX_GROUPS: Final = 100  # label sets of one SLO with groupBy (semantics B5)
SHOWN_GROUPS: Final = 10  # of them in its status, the worst first (semantics K13)
MAX_LABEL_VALUE: Final = 128  # characters of a value of theirs that are shown; sources set no limit
GROUP_LABEL_PREFIX: Final = "group_"  # before the labels of groupBy in metrics: they must not hide those of a scrape
MAX_NESTING: Final = 2  # composites in composites (semantics B4)
MAX_COMPONENTS: Final = 16
MAX_TARGET_DECIMALS: Final = 6
MAX_SELECTED_NAMES: Final = 100  # in a selector of SLOs
MAX_SELECTED_LABELS: Final = 16
MAX_TIMELINE: Final = 300  # entries of an incident's timeline; older ones are summarised (semantics S6)
MAX_INCIDENT_ALERTS: Final = 100  # alerts that an incident names; the rest is counted (semantics A10)
MAX_OUTBOX: Final = 64  # notifications that an incident keeps
MAX_DEADLINES: Final = 32  # deadlines that an incident keeps
MAX_CORRECTION: Final = "30d"  # how far before its own creation a MaintenanceWindow reaches back (semantics S5)
SHOWN_SLOS: Final = 10  # names in the status of a MaintenanceWindow
SHOWN_OCCURRENCES: Final = 10
SHOWN_ALERTS: Final = 200  # in the status of an AlertPolicy, those that fire first
SHOWN_TIERS: Final = 100
MAX_RULES: Final = 32  # of an AlertPolicy
MAX_CHANNELS: Final = 16  # NotificationChannels that one rule or level tells
MAX_LEVELS: Final = 8  # of an escalation
MAX_CHAINS: Final = 8  # named escalations of an AlertPolicy
MAX_ALERT_MESSAGE: Final = 256  # characters of the message of one of them: objects stay small (semantics S6)

BURN_WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")  # shown in status.burnRates of every SLO


class Condition(StrEnum):
    """Condition types of an SLO, all present from first sight on."""

    READY = "Ready"  # the object is understood and evaluated; False names the field and the fix
    DATA_AVAILABLE = "DataAvailable"  # the source answers with usable samples; False says why and since when
    BUDGET_HEALTHY = "BudgetHealthy"  # budget left in the primary window; Unknown while it cannot be told
    HISTORY_INCOMPLETE = "HistoryIncomplete"  # True while a window reaches back further than the source's data
    CLOCK_SKEW = "ClockSkew"  # True while the operator's clock and the source's differ by more than two seconds
    WORKLOAD_HEALTHY = "WorkloadHealthy"  # only with spec.workload: what the Kubernetes API says of the workload
    EVIDENCE_KNOWN = "EvidenceKnown"  # of an Incident: False while nobody can tell whether it is over
    DELIVERING = "Delivering"  # of a NotificationChannel: its receiver takes messages; Unknown before the first one


class Reason(StrEnum):
    """Reasons of conditions and Events. A reason is an output, never a control channel."""

    # Ready
    EVALUATED = "Evaluated"  # evaluated at least once since the last change of the spec
    RECOUNTED = "Recounted"  # evaluated; what is counted was changed, so the past was counted anew from the source
    WAITING_FOR_FIRST_EVALUATION = "WaitingForFirstEvaluation"  # understood, and not evaluated yet
    INVALID = "Invalid"  # a field is wrong; the message has path and fix
    NOT_SUPPORTED_YET = "NotSupportedYet"  # a field of the API that this version refuses rather than ignores
    COMPONENT_MISSING = "ComponentMissing"  # a composite names an SLO that does not exist, or is refused itself
    SOURCE_UNKNOWN = "SourceUnknown"  # spec.source names no configured Prometheus
    SOURCE_NOT_ALLOWED = "SourceNotAllowed"  # the source is not allowed for this namespace
    INTERNAL_ERROR = "InternalError"  # Backstop failed on this object: a defect of ours, the log has the trace
    FORBIDDEN = "Forbidden"  # a right is missing; the message prints the rule to grant
    # DataAvailable, and why a stretch is unknown
    SAMPLES_FRESH = "SamplesFresh"  # the newest sample is younger than evaluation.staleAfter
    NO_TRAFFIC = "NoTraffic"  # the series are there and stand still
    NO_DATA = "NoData"  # the query for the total answers nothing
    STALE = "Stale"  # the newest sample is older than evaluation.staleAfter
    NOT_A_NUMBER = "NotANumber"  # the query answers NaN
    INCONSISTENT = "Inconsistent"  # more bad than total events, a negative or an infinite count
    TOO_MANY_GROUPS = "TooManyGroups"  # groupBy finds more label sets than may have a budget of their own
    SEVERAL_SERIES = "SeveralSeries"  # a query returned several series where one is expected
    GOOD_NEVER_SEEN = "GoodNeverSeen"  # total without good: no good event was seen in the window yet
    BASELINE = "Baseline"  # first values of counters that may have begun before we looked
    QUERY_FAILED = "QueryFailed"  # the source answered with an error
    SOURCE_UNREACHABLE = "SourceUnreachable"  # no answer in time, or none that is Prometheus's
    PARTIAL_ANSWER = "PartialAnswer"  # the source warned that its answer is not whole
    NOT_FETCHED = "NotFetched"  # not asked yet (start-up, back-pressure)
    THRESHOLD_NOT_A_BUCKET = "ThresholdNotABucket"  # latency threshold between two bucket bounds
    # BudgetHealthy
    WITHIN_BUDGET = "WithinBudget"  # 25 % or more left
    LOW_BUDGET = "LowBudget"  # less than 25 % left
    BURNING_FAST = "BurningFast"  # 25 % or more are left, and a burnRate rule of an AlertPolicy fires
    BUDGET_EXHAUSTED = "BudgetExhausted"  # nothing left
    TOO_EARLY = "TooEarly"  # less than 5 % of the window is known
    DATA_UNKNOWN = "DataUnknown"  # cannot be told, since DataAvailable is not True
    # HistoryIncomplete
    HISTORY_READ = "HistoryRead"  # every window is covered from its start
    HISTORY_BEING_READ = "HistoryBeingRead"  # the past is being read from the source; coverage rises meanwhile
    NO_OLDER_DATA = "NoOlderData"  # the source has no data for the older part of a window
    RESOLUTION_LOST = "ResolutionLost"  # an exclusion begins or ends within a coarse slice that could not be read anew
    # ClockSkew
    CLOCKS_AGREE = "ClocksAgree"  # within two seconds
    CLOCKS_DIFFER = "ClocksDiffer"  # the message has the difference and its direction
    # WorkloadHealthy
    ENDPOINTS_READY = "EndpointsReady"  # at least one endpoint is ready, and half of the pods or more
    NO_READY_ENDPOINT = "NoReadyEndpoint"  # nobody can answer: bad evidence even when the metrics are silent
    PODS_FAILING = "PodsFailing"  # more than half crash-looping or unready
    WORKLOAD_NOT_FOUND = "WorkloadNotFound"  # no object of the name in spec.workload is in the namespace
    WORKLOAD_UNREADABLE = "WorkloadUnreadable"  # the Kubernetes API could not be asked
    SCALED_TO_ZERO = "ScaledToZero"  # on purpose: nothing can be said about what does not run


class State(StrEnum):
    """status.state of an SLO (semantics B7)."""

    HEALTHY = "Healthy"  # 25 % or more of the budget of the primary window is left
    AT_RISK = "AtRisk"  # less than 25 % is left, a burnRate rule fires, or the workload fails
    EXHAUSTED = "Exhausted"  # nothing is left, or less
    UNKNOWN = "Unknown"  # it cannot be told; status.lastKnown has what was known last


class MaintenanceState(StrEnum):
    """status.state of a MaintenanceWindow."""

    SCHEDULED = "Scheduled"  # it has a next time, and is not under way
    ACTIVE = "Active"  # it is under way
    OVER = "Over"  # it was, and does not come again
    REFUSED = "Refused"  # the object cannot be followed as it stands; condition Ready has path and fix


class MaintenanceReason(StrEnum):
    """Reasons of condition Ready of a MaintenanceWindow, beside those of an SLO that is refused."""

    IN_FORCE = "InForce"  # it is understood, and SLOs match its selector
    NOTHING_MATCHES = "NothingMatches"  # no SLO of its namespace matches the selector, so it does nothing


class AlertPolicyState(StrEnum):
    """status.state of an AlertPolicy: that of its worst alert."""

    FIRING = "Firing"  # an alert fires
    PENDING = "Pending"  # none fires, and one holds, though not for long enough or by too few events
    UNKNOWN = "Unknown"  # none fires or is pending, and of one at least it cannot be told
    QUIET = "Quiet"  # every rule is clear
    REFUSED = "Refused"  # the object cannot be followed as it stands; condition Ready has path and fix


class AlertPolicyReason(StrEnum):
    """Reasons of condition Ready of an AlertPolicy, beside those of an SLO that is refused."""

    IN_FORCE = "InForce"  # every rule is judged
    NOT_JUDGED_YET = "NotJudgedYet"  # it is understood, and what its rules look at is still to be read
    RULES_REFUSED = "RulesRefused"  # rules that do not fit an SLO are not judged for it; status.tiers names them
    NOTHING_MATCHES = "NothingMatches"  # it has rules about SLOs, and no SLO of its namespace matches


class AlertReason(StrEnum):
    """Why an alert is what it is; the message has the numbers."""

    BURNING = "Burning"  # the budget burns faster than the rule allows, in the long and in the short window
    NOT_BURNING = "NotBurning"  # it does not, in one of the windows at least
    LOW_TRAFFIC = "LowTraffic"  # it does as counted, by so few events that it may be chance: pending, never clear
    BUDGET_BELOW = "BudgetBelow"  # less of the budget is left than the rule asks for
    BUDGET_ABOVE = "BudgetAbove"  # as much is left as the rule asks for
    EXHAUSTS_SOON = "ExhaustsSoon"  # at the present burn rate the budget is gone within the rule's time
    LASTS = "Lasts"  # it lasts longer
    DATA_LOST = "DataLost"  # the evidence of the SLO is unknown
    DATA_PRESENT = "DataPresent"  # it is known
    THRESHOLD_CROSSED = "ThresholdCrossed"  # the value of the query compares as the rule asks
    THRESHOLD_NOT_CROSSED = "ThresholdNotCrossed"  # it does not
    EMPTY_RESULT = "EmptyResult"  # the query answers nothing; onEmpty tells what that means
    CONDITION_PRESENT = "ConditionPresent"  # the node has the condition in one of the rule's statuses
    CONDITION_ABSENT = "ConditionAbsent"  # it has not
    RUNS_FAILED = "RunsFailed"  # the newest runs failed, as many as the rule asks for
    RUNS_SUCCEED = "RunsSucceed"  # they did not all fail
    NO_SUCCESS = "NoSuccess"  # no run succeeded within the rule's time, or ever
    SUCCEEDED = "Succeeded"  # one did
    EVIDENCE_UNKNOWN = "EvidenceUnknown"  # what the rule looks at is not known: it neither fires nor resolves
    TOO_EARLY = "TooEarly"  # less than 5 % of the window is known
    SUBJECT_GONE = "SubjectGone"  # the SLO, node or target does not exist any more


class IncidentState(StrEnum):
    """status.state of an Incident."""

    OPEN = "Open"  # nobody has said yet that they take care of it
    ACKNOWLEDGED = "Acknowledged"  # somebody takes care of it
    RESOLVED = "Resolved"  # it is over; status.resolution says how that is known


class IncidentReason(StrEnum):
    """Reasons of conditions Ready and EvidenceKnown of an Incident, beside those of an SLO that is refused."""

    RECORDED = "Recorded"  # the object is understood, and what happens is written into it
    EVIDENCE_PRESENT = "EvidencePresent"  # of at least one alert that is not clear the evidence is known
    EVIDENCE_MISSING = "EvidenceMissing"  # of no such alert it is known
    PLEASE_CLOSE = "PleaseClose"  # nor has it been for 24 h: somebody has to say whether it is over


class TimelineKind(StrEnum):
    """What an entry of an incident's timeline is about."""

    OPENED = "Opened"  # it began
    JOINED = "Joined"  # alerts fire that did not before
    LEFT = "Left"  # alerts do not fire any more, by known evidence
    GONE = "Gone"  # what alerts were about does not exist any more: no proof that it is well
    RAISED = "Raised"  # the severity became worse
    SEVERITY = "Severity"  # a person changed the severity
    ACKNOWLEDGED = "Acknowledged"  # a person takes care of it
    NOTE = "Note"  # a person had something to say
    REFUSED = "Refused"  # what a person asked for could not be done; the text says why
    DEADLINE_MET = "DeadlineMet"  # in time
    DEADLINE_MISSED = "DeadlineMissed"  # not in time
    EVIDENCE_LOST = "EvidenceLost"  # it cannot be told any more whether it is over
    EVIDENCE_BACK = "EvidenceBack"  # it can be told again
    ASK_TO_CLOSE = "AskToClose"  # it could not be told for 24 h: somebody has to say whether it is over
    RESOLVED = "Resolved"  # it is over
    REOPENED = "Reopened"  # it was not
    SUMMARY = "Summary"  # stands for entries that were left out


class DeadlineKind(StrEnum):
    """What has to be done in time."""

    ACKNOWLEDGE = "Acknowledge"  # somebody takes care
    UPDATE = "Update"  # somebody says how it goes
    RESOLVE = "Resolve"  # it is over


class NotificationCause(StrEnum):
    """Why a channel is told of an incident."""

    OPENED = "Opened"  # the first that this channel hears of it
    RAISED = "Raised"  # the severity became worse, by an alert or by a person
    REOPENED = "Reopened"  # it fires again, soon after it was resolved
    ACKNOWLEDGED = "Acknowledged"  # somebody takes care of it
    RESOLVED = "Resolved"  # it is over
    DEADLINE_MISSED = "DeadlineMissed"  # something was not done in time


class Annotation(StrEnum):
    """How people answer on an Incident. What names somebody must be the caller's own user name (semantics K2)."""

    OPENED_BY = "backstop.dev/opened-by"  # who opened it, if a person did
    ACKNOWLEDGED_BY = "backstop.dev/acknowledged-by"  # who takes care of it
    RESOLVED_BY = "backstop.dev/resolved-by"  # who says that it is over; the note says why
    NOTE = "backstop.dev/note"  # what somebody has to say: it becomes an entry of the timeline
    NOTED_BY = "backstop.dev/noted-by"  # who wrote the note
    SEVERITY = "backstop.dev/severity"  # P0 to P3, instead of what the rules say; the note says why
    SEVERITY_BY = "backstop.dev/severity-by"  # who changed the severity


class ChannelState(StrEnum):
    """status.state of a NotificationChannel."""

    READY = "Ready"  # messages can go out, and the newest attempt succeeded if there was one
    FAILING = "Failing"  # the newest attempt failed; condition Delivering has the reason
    REFUSED = "Refused"  # nothing can be sent as it stands; condition Ready has the fix


class ChannelReason(StrEnum):
    """Reasons of conditions Ready and Delivering of a NotificationChannel, beside those of an SLO that is refused."""

    USABLE = "Usable"  # understood, its host is allowed, and its Secret can be read
    BEING_CHECKED = "BeingChecked"  # understood; its Secret was not read yet
    HOST_NOT_ALLOWED = "HostNotAllowed"  # the host is not among notifications.allowedHosts; the message has what to add
    CHANNEL_MISSING = "ChannelMissing"  # only of a message: the channel that it is for does not exist
    KEY_MISSING = "SecretMissing"  # the Secret, or its key, is not there or empty
    KEY_UNREADABLE = "SecretUnreadable"  # the Kubernetes API could not be asked for the Secret
    NOT_SENT_YET = "NotSentYet"  # nothing was to be sent since the channel was made
    DELIVERED = "Delivered"  # the receiver took the newest message
    REFUSED_BY_RECEIVER = "RefusedByReceiver"  # it answered that the message or the address is wrong (4xx)
    RECEIVER_FAILED = "ReceiverFailed"  # it answered with an error that may pass
    REDIRECTED = "Redirected"  # it named another address; redirects are not followed
    ADDRESS_NOT_ALLOWED = "AddressNotAllowed"  # the name leads to an address that is not public and not allowed
    NAME_NOT_FOUND = "NameNotFound"  # the name of the host could not be resolved
    NOT_CONNECTED = "NotConnected"  # no connection, or it broke before an answer
    NOT_TRUSTED = "NotTrusted"  # the certificate is not valid for the host, or its issuer is not known
    NO_ANSWER_IN_TIME = "NoAnswerInTime"  # no answer within spec.webhook.timeout


class EventReason(StrEnum):
    """Reasons of Kubernetes Events on an SLO or a MaintenanceWindow."""

    STATE_CHANGED = "StateChanged"  # status.state moved; the note says from what to what, and why
    DATA_LOST = "DataLost"  # the source gives no usable samples any more
    DATA_RESTORED = "DataRestored"  # it does again
    RECOUNTED = "Recounted"  # what is counted was changed, so the past was counted anew; the note says since when
    REFUSED = "Refused"  # the object cannot be followed as it stands; the note has path and fix


class Metric(StrEnum):
    """Metrics. Labels: slo_namespace and slo, of a group also group_LABEL per label in groupBy; of a source, source."""

    OBJECTIVE_RATIO = "backstop_slo_objective_ratio"  # gauge; 0.999 for a target of 99.9
    SLI_RATIO = "backstop_sli_ratio"  # gauge by window; absent while unknown or without traffic
    BUDGET_REMAINING_RATIO = "backstop_error_budget_remaining_ratio"  # gauge by window; below 0 overspent
    BURN_RATE = "backstop_burn_rate"  # gauge by window (5m … 3d); absent without events
    COVERAGE_RATIO = "backstop_window_coverage_ratio"  # gauge by window; known time by window length
    STATE = "backstop_slo_state"  # gauge by state; 1 for the present one
    GROUPS = "backstop_slo_groups"  # gauge; sets of label values with events in the primary window; only with groupBy
    GROUP_OBJECTIVE_RATIO = "backstop_group_objective_ratio"  # gauge; that of its SLO
    GROUP_SLI_RATIO = "backstop_group_sli_ratio"  # gauge by window; absent while unknown or without traffic
    GROUP_BUDGET_REMAINING_RATIO = "backstop_group_error_budget_remaining_ratio"  # gauge by window; below 0 overspent
    GROUP_BURN_RATE = "backstop_group_burn_rate"  # gauge by window (5m … 3d); absent without events
    GROUP_COVERAGE_RATIO = "backstop_group_window_coverage_ratio"  # gauge by window; known time by window length
    GROUP_STATE = "backstop_group_state"  # gauge by state; 1 for the present one
    EVENTS_TOTAL = "backstop_slo_events_total"  # counter by result: good, bad
    UNKNOWN_SECONDS_TOTAL = "backstop_slo_unknown_seconds_total"  # counter of sealed time without evidence
    LATE_EVENTS_TOTAL = "backstop_slo_late_events_total"  # counter; events missed, found in one sealed slice of many
    EVALUATION_LAG_SECONDS = "backstop_evaluation_lag_seconds"  # histogram; due time to stored result
    EVALUATIONS_TOTAL = "backstop_evaluations_total"  # counter by source and outcome: evaluated, unknown, dropped
    QUERIES_TOTAL = "backstop_source_queries_total"  # counter by source and outcome
    QUERY_SECONDS = "backstop_source_query_seconds"  # histogram by source
    QUERIES_IN_FLIGHT = "backstop_source_queries_in_flight"  # gauge by source
    QUERY_CONCURRENCY = "backstop_source_query_concurrency_limit"  # gauge by source
    QUERY_TIMEOUT_SECONDS = "backstop_source_query_timeout_seconds"  # gauge by source; bound of every query
    CLOCK_OFFSET_SECONDS = "backstop_source_clock_offset_seconds"  # gauge by source; source minus local
    NOTIFICATIONS_TOTAL = "backstop_notifications_total"  # counter by outcome: sent, retried, failed, abandoned
    STATUS_WRITES_TOTAL = "backstop_status_writes_total"  # counter by outcome
    REGISTERED_SLOS = "backstop_registered_slos"  # gauge by validity: valid, refused
    LEADER = "backstop_leader"  # gauge; 1 on the replica that writes
    ADMISSION_REVIEWS_TOTAL = "backstop_admission_reviews_total"  # counter by outcome: allowed, refused, failed, busy
    WEBHOOK_CERTIFICATE_EXPIRY = "backstop_webhook_certificate_expiry_timestamp_seconds"  # gauge; end of the one in use
    CONFIG_VALID = "backstop_config_valid"  # gauge; 0 while the last good configuration is in force
    CHECKPOINTS_TOTAL = "backstop_checkpoints_total"  # counter by outcome: saved, failed, restored, changed, damaged
    CHECKPOINT_FAILING = "backstop_checkpoint_failing"  # gauge; 1 while the checkpoint cannot be read or written
    CHECKPOINT_BYTES = "backstop_checkpoint_bytes"  # gauge; size of the checkpoint's file
    CHECKPOINT_SET_ASIDE_TOTAL = "backstop_checkpoint_set_aside_total"  # counter of files by why: damaged, newer
    PROCESS_RSS_BYTES = "backstop_process_resident_bytes"  # gauge; memory of the process
    INCIDENTS = "backstop_incidents"  # gauge by severity and state
    INCIDENT_SECONDS = "backstop_incident_seconds"  # histogram by phase: detect, acknowledge, mitigate, resolve
    WATCH_RESTARTS_TOTAL = "backstop_watch_restarts_total"  # counter; restarts of the watching thread
