"""What requests and answers hold. Made by `python -m service.client.generate`; not to be edited."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.core.job_state import JobState
from service.core.statuses import FeatureStatus, ListState


class Content(BaseModel):
    """Checked by the service; built when it is first used."""

    model_config = ConfigDict(defer_build=True, populate_by_name=True)


class ActiveListView(Content):
    """The list that a model is served with."""

    number: int
    activated_at: datetime | None
    before: ListTotalsView
    after: ListTotalsView


class AlertView(Content):
    """Something to look into."""

    kind: Literal["job_failed", "guard_refused", "trigger_failing", "webhook_disabled", "list_stale"]
    time: datetime
    model: str | None
    subject: str
    detail: str


class Answer(Content):
    """What the run is to do."""

    taken: int
    stop: str | None


class Approval(Content):
    """Why the list is agreed to."""

    reason: str | None = None
    override_guard: bool = False


class AttemptView(Content):
    """One handing over of a job to Ray."""

    number: int
    outcome: str | None
    reason: str | None
    started_at: datetime
    ended_at: datetime | None


class AuditPage(Content):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    entries: list[AuditView]
    next: int | None


class AuditView(Content):
    """A request that changed something, or was refused with 401 or 403."""

    time: datetime
    by: str
    key_id: str | None
    operation: str
    method: str
    path: str
    model: str | None
    status: int
    request_id: str
    detail: dict[str, Any]


class Backfill(Content):
    """Partitions to run over: their names, or the first and the last and how they are called."""

    partitions: list[str] | None = None
    from_: datetime | None = Field(default=None, alias="from")
    to: datetime | None = None
    every: Literal["day", "hour"] = "day"
    format: str = "%Y-%m-%d"


class BackfillView(Content):
    """How many runs wait."""

    pending: int


class CallerView(Content):
    """Who calls, and what they may do."""

    name: str
    key_id: str | None
    scopes: list[Literal["read", "submit", "approve", "admin"]]
    model: str | None
    signed_in: bool


class Cancelled(Content):
    """How many runs that waited won't be started."""

    skipped: int


class Candidates(Content):
    """So many features became candidates since the last selection: FairFS §4.6 waits for 30."""

    kind: Literal["candidates"] = "candidates"
    threshold: int = 30


class Check(Content):
    """One question that decides."""

    name: str
    passed: bool
    detail: str


class CloneOf(Content):
    """What is to differ from the job that is cloned; what isn't given is as it was there."""

    priority: int = 0
    dry_run: bool = False
    deadline_seconds: int | None = None
    max_failures: int = 3
    overrides: dict[str, Any] = {}


class CronPreview(Content):
    """A cron expression to try out."""

    cron: str
    timezone: str = "UTC"
    after: datetime | None = None
    count: int = 10


class CurvePoint(Content):
    """Quality on the validation split with the first `features` of the ranking, the others at their means."""

    features: int
    dims: int
    embedding_bytes: int
    logloss: float
    auc: float | None
    gauc: float | None


class DecisionView(Content):
    """A change of status, who made it and why."""

    time: datetime
    before: FeatureStatus | None
    after: FeatureStatus
    reason: str
    by: str
    prune_list: int | None
    job_id: str | None
    score: float | None


class DeliveryPage(Content):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    deliveries: list[DeliveryView]
    next: int | None


class DeliveryView(Content):
    """One event for one webhook."""

    id: str
    event: int
    kind: str | None
    state: Literal["pending", "delivered", "failed"]
    tries: int
    next_at: datetime | None
    status: int | None
    answer: str | None
    created_at: datetime
    updated_at: datetime


class DueTimes(Content):
    """When it is due, in UTC, in order."""

    times: list[datetime]


class EvaluationPage(Content):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    evaluations: list[EvaluationView]
    next: int | None


class EvaluationView(Content):
    """What a trigger saw, and why it fired or didn't."""

    number: int
    time: datetime
    fired: bool
    dry_run: bool
    reason: str
    observed: dict[str, Any]
    job_id: str | None


class EventView(Content):
    """Something that happened. Numbers rise in the order in which it was stored."""

    number: int
    time: datetime
    kind: str
    job_id: str | None
    model: str | None
    data: dict[str, Any]


class Explanation(Content):
    """Whether a trigger would fire, and each question that decides."""

    fires: bool
    reason: str
    checks: list[Check]
    observed: dict[str, Any]
    error: str | None


class Facts(Content):
    """What a trigger is judged by. Of those that aren't given, what is so now."""

    time: datetime | None = None
    candidates: int | None = None
    p99_seconds: float | None = None
    reports: int | None = None
    partition: str | None = None
    last_partition: str | None = None
    fired_at: datetime | None = None
    running_job: str | None = None


class FeatureBatch(Content):
    """Features to register: all of them, or none."""

    features: list[NewDense | NewCategorical | NewMultiCategorical]


class FeatureCost(Content):
    """What a feature weighs in the full model."""

    name: str
    dim: int
    embedding_bytes: int
    bytes_per_example: float
    sparsity: float | None


class FeatureDetail(Content):
    """A feature and its history, newest first, of at most a thousand decisions."""

    name: str
    kind: Literal["dense", "categorical", "multi_categorical"]
    dim: int
    column: str
    spec: dict[str, Any]
    owner: str
    tags: list[str]
    status: FeatureStatus
    version: int
    registered_at: datetime
    updated_at: datetime
    history: list[DecisionView]


class FeaturePage(Content):
    """In the order of registration; `next` is the cursor of the following page, null on the last."""

    features: list[ListedFeature]
    next: int | None


class FeaturePatch(Content):
    """What to change; null goes back to the default. What a job sees of it changes only while it is a candidate."""

    owner: str | None = None
    tags: list[str] | None = None
    column: str | None = None
    dim: int | None = None
    hash_size: int | None = None
    ids: str | None = None
    pooling: str | None = None
    default: float | int | str | None = None
    normalize: str | None = None
    status: FeatureStatus | None = None
    reason: str | None = None


class FeatureView(Content):
    """A feature as it stands."""

    name: str
    kind: Literal["dense", "categorical", "multi_categorical"]
    dim: int
    column: str
    spec: dict[str, Any]
    owner: str
    tags: list[str]
    status: FeatureStatus
    version: int
    registered_at: datetime
    updated_at: datetime


class FeaturesRegistered(Content):
    """How many features were added."""

    registered: int


class FirePage(Content):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    fires: list[FireView]
    next: int | None


class FireRequest(Content):
    """How a trigger is fired by hand."""

    force: bool = False
    partition: str = ""


class FireView(Content):
    """A due time and what came of it."""

    number: int
    due_at: datetime
    partition: str
    origin: Literal["cron", "manual", "backfill"]
    state: Literal["pending", "started", "skipped"]
    reason: str | None
    job_id: str | None
    by: str
    created_at: datetime


class Freshness(Content):
    """A directory has a partition newer than the newest one known. Newer is what comes later by name."""

    kind: Literal["freshness"] = "freshness"
    pattern: str
    marker: str | None = None


class GateGrid(Content):
    """The gates as a heat map: F features × T points. Empty until the first snapshot."""

    features: list[str]
    steps: list[int]
    every: int
    final: list[float | None]
    cells: str


class GateHistory(Content):
    """A row of `gates` and of `divergences` for each step, a column for each feature; null where it is no number."""

    features: list[str]
    steps: list[int]
    every: int
    gates: list[list[float | None]]
    divergences: list[list[float | None]]


class Health(Content):
    status: str


class InferenceRequest(Content):
    """Which columns to look at; what isn't given is the model's own."""

    dataset: str | None = None
    leave_out: list[str] = []


class Inferred(Content):
    """Features that the columns could be; nothing is stored."""

    features: list[dict[str, Any]]
    registered: list[str]
    unfit: dict[str, str]
    files: int
    files_read: int


class JobOfModel(Content):
    """A job over a model's essential, active and candidate features, by the model's spec."""

    priority: int = 0
    dry_run: bool = False
    deadline_seconds: int | None = None
    max_failures: int = 3
    overrides: dict[str, Any] = {}


class JobPage(Content):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    jobs: list[JobSummary]
    next: int | None


class JobSummary(Content):
    """A job as lists show it: without the gates of its progress."""

    id: str
    name: str
    model: str | None
    state: JobState
    dry_run: bool
    origin: dict[str, Any]
    submitted_by: str
    priority: int
    position: int | None = None
    attempt: int
    failures: int
    max_failures: int
    not_before: datetime | None
    deadline: datetime | None
    reason: str | None
    cancel_requested: bool
    cancel_requested_at: datetime | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    progress: dict[str, Any] | None


class JobView(Content):
    """A job as it stands."""

    id: str
    name: str
    model: str | None
    state: JobState
    dry_run: bool
    origin: dict[str, Any]
    submitted_by: str
    priority: int
    position: int | None = None
    attempt: int
    failures: int
    max_failures: int
    not_before: datetime | None
    deadline: datetime | None
    reason: str | None
    cancel_requested: bool
    cancel_requested_at: datetime | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    progress: dict[str, Any] | None
    links: dict[str, str] = {}


class KeyPage(Content):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    keys: list[KeyView]
    next: int | None


class KeyView(Content):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[Literal["read", "submit", "approve", "admin"]]
    model: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    old_until: datetime | None


class KeyWithSecret(Content):
    """A key as it is made or rotated: the only answer that has its secret."""

    id: str
    name: str
    scopes: list[Literal["read", "submit", "approve", "admin"]]
    model: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    old_until: datetime | None
    key: str


class Latency(Content):
    """The 99th percentile of serving latency is over its maximum (FairFS §4.6)."""

    kind: Literal["latency"] = "latency"
    max_seconds: float
    window_seconds: int = 600
    min_reports: int = 3
    query: str | None = None


class LatencyBody(Content):
    """Serving latency as measured."""

    p99_seconds: float
    time: datetime | None = None


class LatencyPage(Content):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    reports: list[LatencyView]
    next: int | None


class LatencyView(Content):
    """A report."""

    number: int
    time: datetime
    p99_seconds: float
    reported_by: str


class ListDetail(Content):
    """A prune list in its life, and what it says."""

    number: int
    model: str
    list_id: str
    job_id: str
    state: ListState
    guard_passed: bool
    submitted_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    activated_by: str | None
    activated_at: datetime | None
    ended_at: datetime | None
    previous: int | None
    content: dict[str, Any]


class ListDiff(Content):
    """From list `a` to list `b`. Names stand in the order of `b`, or of `a` where only that has them."""

    a: ListRef
    b: ListRef
    newly_pruned: list[str]
    newly_kept: list[str]
    only_in_a: list[str]
    only_in_b: list[str]
    scores: list[ScoreChange]
    totals: dict[str, float]


class ListEntry(Content):
    """A prune list in its life, and what it saves."""

    number: int
    model: str
    list_id: str
    job_id: str
    state: ListState
    guard_passed: bool
    submitted_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    activated_by: str | None
    activated_at: datetime | None
    ended_at: datetime | None
    previous: int | None
    before: ListTotalsView
    after: ListTotalsView


class ListPage(Content):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    prune_lists: list[ListEntry]
    next: int | None


class ListRef(Content):
    number: int
    list_id: str
    totals: dict[str, float]


class ListTotalsView(Content):
    """Of the features that there were, or that are kept."""

    features: int
    dims: int
    embedding_bytes: int


class ListView(Content):
    """A prune list in its life."""

    number: int
    model: str
    list_id: str
    job_id: str
    state: ListState
    guard_passed: bool
    submitted_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    activated_by: str | None
    activated_at: datetime | None
    ended_at: datetime | None
    previous: int | None


class ListedFeature(Content):
    """A feature as lists show it."""

    name: str
    kind: Literal["dense", "categorical", "multi_categorical"]
    dim: int
    column: str
    spec: dict[str, Any]
    owner: str
    tags: list[str]
    status: FeatureStatus
    version: int
    registered_at: datetime
    updated_at: datetime
    decision: DecisionView | None = None


class Log(Content):
    """A part of a log. Reading on from `next` follows it; once `ended` and empty there is no more."""

    text: str
    offset: int
    next: int
    ended: bool


class Manual(Content):
    """Fires when it is asked to, by a person or a pipeline, and never by itself."""

    kind: Literal["manual"] = "manual"


class Measures(Content):
    """A run's measures, a column each, all of one length; null where there is no number. Empty until a snapshot."""

    every: int
    steps: list[int]
    seconds: list[float | None]
    loss: list[float | None]
    held_out_loss: list[float | None]
    held_out_auc: list[float | None]
    penalty: list[float | None]
    low: list[float | None]
    middle: list[float | None]
    high: list[float | None]
    spread: list[float | None]
    entropy: list[float | None]
    undecided: list[float | None]
    rows_per_second: list[float | None]


class ModelPage(Content):
    """By name; `next` is the cursor of the following page, null on the last."""

    models: list[ModelView]
    next: str | None


class ModelPatch(Content):
    """What to change (JSON Merge Patch): objects are merged, null takes a key out, what isn't named stays."""

    owner: str | None = None
    description: str | None = None
    spec: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    retention: dict[str, Any] | None = None


class ModelStanding(Content):
    """How a model stands."""

    name: str
    owner: str
    description: str
    features: dict[str, int]
    active: ActiveListView | None
    proposed: ProposedListView | None
    candidates: int
    threshold: int | None
    schedule: NextStart | None


class ModelView(Content):
    """A model as it stands."""

    name: str
    owner: str
    description: str
    spec: dict[str, Any]
    policy: Policy
    retention: Retention
    features: dict[str, int] = {}
    version: int
    created_at: datetime
    updated_at: datetime


class NewCategorical(Content):
    """An id or a string."""

    name: str
    column: str | None = None
    status: FeatureStatus = FeatureStatus("candidate")
    dim: int = 16
    hash_size: int
    ids: Literal["hashed", "checked"] = "hashed"
    kind: Literal["categorical"]
    default: int | str = 0
    owner: str | None = None
    tags: tuple[str, ...] = ()


class NewDense(Content):
    """A scalar or a fixed-length list of floats."""

    name: str
    column: str | None = None
    status: FeatureStatus = FeatureStatus("candidate")
    kind: Literal["dense"]
    dim: int = 1
    default: float = 0.0
    normalize: Literal["standardize", "none"] = "standardize"
    owner: str | None = None
    tags: tuple[str, ...] = ()


class NewKey(Content):
    """What a key is to be good for."""

    name: str
    scopes: list[Literal["read", "submit", "approve", "admin"]]
    model: str | None = None
    expires_in_seconds: int | None = None


class NewMultiCategorical(Content):
    """A list of ids or strings."""

    name: str
    column: str | None = None
    status: FeatureStatus = FeatureStatus("candidate")
    dim: int = 16
    hash_size: int
    ids: Literal["hashed", "checked"] = "hashed"
    kind: Literal["multi_categorical"]
    pooling: Literal["sum", "mean"] = "mean"
    owner: str | None = None
    tags: tuple[str, ...] = ()


class NextStart(Content):
    """The schedule of a model that is due first."""

    id: str
    name: str
    timezone: str
    next_at: datetime


class Overview(Content):
    """Models by name; `next` is the cursor of the following page, null on the last. The rest is of all models."""

    models: list[ModelStanding]
    next: str | None
    jobs: list[JobSummary]
    running: int
    waiting: int
    alerts: list[AlertView]
    since: datetime


class Pinged(Content):
    """A test is on its way."""

    kind: str


class Policy(Content):
    """Who has to agree before a prune list is served."""

    auto_approve: bool = False
    auto_activate: bool = False
    four_eyes: bool = True


class Progress(Content):
    """How far a run is."""

    state: Literal["running", "succeeded", "failed"]
    stage: Literal["starting", "searching", "ranking", "finetuning", "evaluating", "done"]
    step: int
    total_steps: int
    attempt: int
    loss: float | None = None
    penalty: float | None = None
    held_out_loss: float | None = None
    rows_per_second: float | None = None
    steps_per_second: float | None = None
    step_seconds: float | None = None
    decode_seconds: float | None = None
    advanced_at: float | None = None
    stages: dict[str, float] | None = None
    ranks: list[Rank] | None = None
    eta: float | None = None
    polarization: dict[str, float] | None = None
    undecided: float | None = None
    gate_counts: list[int] | None = None
    converged: dict[str, bool] | None = None
    gate_sum: float | None = None
    gates: dict[str, float] | None = None


class ProposedListView(Content):
    """The newest list that waits for a decision."""

    number: int
    proposed_at: datetime
    guard_passed: bool
    submitted_by: str
    waiting: int


class Quality(Content):
    """Of one model on the test split."""

    auc: float | None
    gauc: float | None
    logloss: float
    ne: float | None
    rows: int
    base_rate: float


class Queue(Content):
    """Waiting jobs in the order in which they start; `next` is the cursor of the following page, null on the last."""

    jobs: list[JobSummary]
    next: int | None
    waiting: int
    running: int
    limits: QueueLimits


class QueueLimits(Content):
    """How many jobs may run at once; dry runs are counted apart."""

    jobs: int
    jobs_per_model: int
    dry_runs: int


class QuietHours(Content):
    """From `start` to `end` by the wall clock of a time zone; where the end is earlier, it is the next day's."""

    start: str
    end: str
    timezone: str = "UTC"
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
    )


class Rank(Content):
    """What a worker reported last."""

    rank: int
    step: int
    embedding_bytes: int
    reported_at: float


class Readiness(Content):
    """Whether each part can be used, tried at this moment."""

    ready: bool
    database: bool
    storage: bool
    ray: bool


class Reasoned(Content):
    """Why it is done."""

    reason: str | None = None


class Rejection(Content):
    """Why the list isn't to be used."""

    reason: str


class Report(Content):
    """What a run tells. A number that isn't higher than the last changes nothing."""

    number: int
    progress: Progress | None = None


class Results(Content):
    """What a run measured. `features` and the curve are in the order of the ranking, as the prune list is."""

    full: Quality
    pruned: Quality
    finetuned: Quality
    curve: list[CurvePoint]
    delta: float
    stages: dict[str, float]
    rows_per_second: float
    steps: int
    attempts: int
    converged: dict[str, bool]
    features: list[FeatureCost]


class Resumption(Content):
    """How a schedule goes on."""

    catch_up: bool = False


class Retention(Content):
    """How long what the model's jobs left is kept. The active list and its job stay."""

    runs_days: int | None = None
    events_days: int | None = None
    keep_last: int = 10


class RolledBack(Content):
    """The list that was taken back, and the one that is served again; null where there was none before."""

    rolled_back: ListView
    active: ListView | None


class Rotation(Content):
    """How a secret is replaced."""

    grace_seconds: int = 86400


class SchedulePage(Content):
    """In the order of their making; `next` is the cursor of the following page, null on the last."""

    schedules: list[ScheduleView]
    next: int | None


class SchedulePatch(Content):
    """What to change; what isn't named stays. `overrides` are replaced as a whole."""

    name: str | None = None
    cron: str | None = None
    timezone: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    missed: Literal["skip", "once", "all"] | None = None
    concurrency: Literal["allow", "forbid", "replace"] | None = None
    catch_up_seconds: int | None = None
    overrides: dict[str, Any] | None = None


class ScheduleSettings(Content):
    """When jobs are made, and of what."""

    name: str
    cron: str
    timezone: str = "UTC"
    start_at: datetime | None = None
    end_at: datetime | None = None
    missed: Literal["skip", "once", "all"] = "skip"
    concurrency: Literal["allow", "forbid", "replace"] = "forbid"
    catch_up_seconds: int = 86400
    overrides: dict[str, Any] = {}


class ScheduleView(Content):
    """A schedule as it stands."""

    id: str
    model: str
    name: str
    cron: str
    timezone: str
    start_at: datetime | None
    end_at: datetime | None
    missed: Literal["skip", "once", "all"]
    concurrency: Literal["allow", "forbid", "replace"]
    catch_up_seconds: int
    overrides: dict[str, Any]
    paused: bool
    next_at: datetime | None = None
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


class ScoreChange(Content):
    feature: str
    before: float
    after: float
    change: float


class SecretRotation(Content):
    """How a signing secret is replaced."""

    grace_seconds: int = 86400


class StatusChange(Content):
    """One status for many features: all of them, or none."""

    features: list[str]
    status: FeatureStatus
    reason: str


class StatusChanged(Content):
    """How many features have another status, and how many had this one."""

    changed: int
    unchanged: int


class TriggerPage(Content):
    """In the order of their making; `next` is the cursor of the following page, null on the last."""

    triggers: list[TriggerView]
    next: int | None


class TriggerPatch(Content):
    """What to change; what isn't named stays. `when`, `overrides` and `quiet_hours` are replaced as a whole."""

    when: Candidates | Latency | Freshness | Manual | None = None
    overrides: dict[str, Any] | None = None
    enabled: bool | None = None
    dry_run: bool | None = None
    cooldown_seconds: int | None = None
    quiet_hours: QuietHours | None = None


class TriggerSettings(Content):
    """When a selection starts by itself, and of what."""

    when: Candidates | Latency | Freshness | Manual
    overrides: dict[str, Any] = {}
    enabled: bool = True
    dry_run: bool = False
    cooldown_seconds: int = 3600
    quiet_hours: QuietHours | None = None


class TriggerView(Content):
    """A trigger as it stands."""

    when: Candidates | Latency | Freshness | Manual
    overrides: dict[str, Any] = {}
    enabled: bool = True
    dry_run: bool = False
    cooldown_seconds: int = 3600
    quiet_hours: QuietHours | None = None
    id: str
    model: str
    state: dict[str, Any]
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    evaluated_at: datetime | None
    fired_at: datetime | None


class WebhookPage(Content):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    webhooks: list[WebhookView]
    next: int | None


class WebhookPatch(Content):
    """What is to change; what isn't given stays."""

    url: str = ""
    kinds: list[str] = []
    enabled: bool = True


class WebhookSettings(Content):
    """Where events go, and which."""

    url: str
    kinds: list[str] = []


class WebhookView(Content):
    """A webhook, without its secret."""

    id: str
    model: str | None
    url: str
    kinds: list[str]
    enabled: bool
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    old_until: datetime | None


class WebhookWithSecret(Content):
    """A webhook as it is made, or as its secret is rotated: the only answers that have the secret."""

    id: str
    model: str | None
    url: str
    kinds: list[str]
    enabled: bool
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    old_until: datetime | None
    secret: str


class NewModel(Content):
    """A model to be managed."""

    owner: str
    description: str = ""
    spec: dict[str, Any] = {}
    policy: Policy = Policy()
    retention: Retention = Retention()
    name: str


class WhatIf(Content):
    """A trigger that isn't stored, and what to suppose."""

    trigger: TriggerSettings
    facts: Facts = Facts()
