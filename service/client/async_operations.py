"""Every operation of the service. Made by `python -m service.codegen`; not to be edited."""

# ruff: noqa: PLR0913, PLC0415 (filters of lists are arguments; a schema is loaded by the first call that needs it)

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from service.client.core import Call, T, segment

if TYPE_CHECKING:
    from service.core.job_state import JobState
    from service.core.statuses import FeatureStatus, ListState
    from service.schemas.audit import AuditPage
    from service.schemas.conditions import Facts
    from service.schemas.events import EventView
    from service.schemas.features import (
        FeatureBatch,
        FeatureDetail,
        FeaturePage,
        FeaturePatch,
        FeaturesRegistered,
        FeatureView,
        InferenceRequest,
        Inferred,
        StatusChange,
        StatusChanged,
    )
    from service.schemas.health import Health, Readiness
    from service.schemas.jobs import AttemptView, CloneOf, JobOfModel, JobPage, JobView, Queue
    from service.schemas.keys import CallerView, KeyPage, KeyView, KeyWithSecret, NewKey, Rotation
    from service.schemas.models import ModelPage, ModelPatch, ModelView, NewModel
    from service.schemas.overview import Overview
    from service.schemas.prune_lists import (
        Approval,
        ListDetail,
        ListDiff,
        ListPage,
        ListView,
        Reasoned,
        Rejection,
        RevisionRequest,
        RolledBack,
    )
    from service.schemas.runs import Answer, Log, Report
    from service.schemas.schedules import (
        Backfill,
        BackfillView,
        Cancelled,
        CronPreview,
        DueTimes,
        FirePage,
        FireView,
        Resumption,
        SchedulePage,
        SchedulePatch,
        ScheduleSettings,
        ScheduleView,
    )
    from service.schemas.triggers import (
        EvaluationPage,
        EvaluationView,
        Explanation,
        FireRequest,
        LatencyBody,
        LatencyPage,
        LatencyView,
        TriggerPage,
        TriggerPatch,
        TriggerSettings,
        TriggerView,
        WhatIf,
    )
    from service.schemas.webhooks import (
        DeliveryPage,
        DeliveryView,
        Pinged,
        SecretRotation,
        WebhookPage,
        WebhookPatch,
        WebhookSettings,
        WebhookView,
        WebhookWithSecret,
    )
    from trainers.runs.results import Results
    from trainers.runs.series import GateGrid, GateHistory, MeasureSeries
    from trainers.spec.job import JobSpec


class AsyncOperations(Protocol):
    """What can be asked."""

    async def send(self, call: Call[T]) -> T: ...

    async def get_health(self) -> Health:
        """Asks nothing of database, storage or Ray: a process that answers isn't to be restarted for their sake."""
        from service.schemas.health import Health

        return await self.send(Call("GET", "/healthz", Health))

    async def get_readiness(self) -> Readiness:
        """Database, storage and Ray, each tried."""
        from service.schemas.health import Readiness

        return await self.send(Call("GET", "/readyz", Readiness))

    async def get_metrics(self) -> str:
        """What this replica did, and what the store says; of all models, and so not for keys of one."""
        return await self.send(Call("GET", "/metrics", str))

    async def submit_job(
        self,
        spec: JobSpec | Mapping[str, Any],
        *,
        priority: int | None = None,
        dry_run: bool | None = None,
        deadline_seconds: int | None = None,
        max_failures: int | None = None,
        idempotency_key: str | None = None,
    ) -> JobView:
        """Store a job; it starts when the control plane next looks. The job exists once this has answered 202."""
        from service.schemas.jobs import JobView

        return await self.send(
            Call(
                "POST",
                "/v1/jobs",
                JobView,
                query={
                    "priority": priority,
                    "dry_run": dry_run,
                    "deadline_seconds": deadline_seconds,
                    "max_failures": max_failures,
                },
                headers={"Idempotency-Key": idempotency_key},
                body=spec,
            )
        )

    async def submit_model_job(
        self, model: str, body: JobOfModel | Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> JobView:
        """Store a job over the model's essential, active and candidate features."""
        from service.schemas.jobs import JobView

        return await self.send(
            Call(
                "POST",
                f"/v1/models/{segment(model)}/jobs",
                JobView,
                headers={"Idempotency-Key": idempotency_key},
                body=body,
            )
        )

    async def list_jobs(
        self,
        *,
        state: list[JobState] | None = None,
        model: str | None = None,
        name: str | None = None,
        submitted_by: str | None = None,
        origin: Literal["request", "trigger", "schedule", "retry", "clone", "revision"] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        dry_run: bool | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> JobPage:
        """Jobs that fit every filter given, newest first."""
        from service.schemas.jobs import JobPage

        return await self.send(
            Call(
                "GET",
                "/v1/jobs",
                JobPage,
                query={
                    "state": state,
                    "model": model,
                    "name": name,
                    "submitted_by": submitted_by,
                    "origin": origin,
                    "created_after": created_after,
                    "created_before": created_before,
                    "dry_run": dry_run,
                    "cursor": cursor,
                    "limit": limit,
                },
            )
        )

    async def get_job(self, job_id: str) -> JobView:
        """A job, its latest progress, its place in the queue while it waits, and what came of it."""
        from service.schemas.jobs import JobView

        return await self.send(Call("GET", f"/v1/jobs/{segment(job_id)}", JobView))

    async def list_attempts(self, job_id: str) -> list[AttemptView]:
        """Every handing over of the job to Ray, in order."""
        from service.schemas.jobs import AttemptView

        return await self.send(Call("GET", f"/v1/jobs/{segment(job_id)}/attempts", list[AttemptView]))

    async def get_job_spec(self, job_id: str) -> JobSpec:
        """The whole spec, with its defaults: submitted anew, it asks for the same."""
        from trainers.spec.job import JobSpec

        return await self.send(Call("GET", f"/v1/jobs/{segment(job_id)}/spec", JobSpec))

    async def get_job_spec_changes(self, job_id: str) -> dict[str, Any]:
        """The part of a job's spec that differs from the defaults."""
        return await self.send(Call("GET", f"/v1/jobs/{segment(job_id)}/spec/changes", dict[str, Any]))

    async def get_job_prune_list(self, job_id: str, *, if_none_match: str | None = None) -> dict[str, Any]:
        """The prune list of a job that succeeded; it never changes."""
        return await self.send(
            Call(
                "GET",
                f"/v1/jobs/{segment(job_id)}/prune-list",
                dict[str, Any],
                headers={"if-none-match": if_none_match},
            )
        )

    async def cancel_job(self, job_id: str) -> JobView:
        """Ask for a job to end. Asking again changes nothing; a job that has ended can't be cancelled."""
        from service.schemas.jobs import JobView

        return await self.send(Call("POST", f"/v1/jobs/{segment(job_id)}/cancel", JobView))

    async def retry_job(self, job_id: str, *, idempotency_key: str | None = None) -> JobView:
        """A new job of the spec of one that failed or was cancelled, with as long a deadline from now."""
        from service.schemas.jobs import JobView

        return await self.send(
            Call("POST", f"/v1/jobs/{segment(job_id)}/retry", JobView, headers={"Idempotency-Key": idempotency_key})
        )

    async def clone_job(
        self, job_id: str, body: CloneOf | Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> JobView:
        """A new job of another's spec, with changes."""
        from service.schemas.jobs import JobView

        return await self.send(
            Call(
                "POST",
                f"/v1/jobs/{segment(job_id)}/clone",
                JobView,
                headers={"Idempotency-Key": idempotency_key},
                body=body,
            )
        )

    async def get_queue(self, *, cursor: int | None = None, limit: int | None = None) -> Queue:
        """Waiting jobs with their places. A caller of one model sees that model's, at their places among all."""
        from service.schemas.jobs import Queue

        return await self.send(Call("GET", "/v1/queue", Queue, query={"cursor": cursor, "limit": limit}))

    async def get_overview(self, *, cursor: str | None = None, limit: int | None = None) -> Overview:
        """Models with their lists, candidates and next starts; unfinished jobs; alerts. A key for one model sees
        that model's.
        """
        from service.schemas.overview import Overview

        return await self.send(Call("GET", "/v1/overview", Overview, query={"cursor": cursor, "limit": limit}))

    async def list_job_events(
        self, job_id: str, *, kind: list[str] | None = None, after: int | None = None, limit: int | None = None
    ) -> list[EventView]:
        """What happened to a job, in order, beyond event number `after`."""
        from service.schemas.events import EventView

        return await self.send(
            Call(
                "GET",
                f"/v1/jobs/{segment(job_id)}/events",
                list[EventView],
                query={"kind": kind, "after": after, "limit": limit},
            )
        )

    async def list_events(
        self,
        *,
        model: str | None = None,
        kind: list[str] | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> list[EventView]:
        """What happened to all that the caller sees, in order, beyond event number `after`."""
        from service.schemas.events import EventView

        return await self.send(
            Call(
                "GET",
                "/v1/events",
                list[EventView],
                query={"model": model, "kind": kind, "after": after, "limit": limit},
            )
        )

    async def report_progress(self, job_id: str, number: int, body: Report | Mapping[str, Any]) -> Answer:
        """Take what a run says of itself. A report of an attempt that was given up, or has ended, is refused."""
        from service.schemas.runs import Answer

        return await self.send(
            Call("POST", f"/v1/jobs/{segment(job_id)}/attempts/{segment(number)}/reports", Answer, body=body)
        )

    async def get_gates(
        self, job_id: str, *, feature: list[str] | None = None, last: int | None = None, points: int | None = None
    ) -> GateHistory:
        """The gates over the run, thinned to at most `points` points and to two million values of gates."""
        from trainers.runs.series import GateHistory

        return await self.send(
            Call(
                "GET",
                f"/v1/jobs/{segment(job_id)}/gates",
                GateHistory,
                query={"feature": feature, "last": last, "points": points},
            )
        )

    async def get_gate_grid(
        self,
        job_id: str,
        *,
        columns: int | None = None,
        from_step: int | None = None,
        to_step: int | None = None,
        if_none_match: str | None = None,
    ) -> GateGrid:
        """The gates of all features between two steps, in at most `columns` points and two million cells."""
        from trainers.runs.series import GateGrid

        return await self.send(
            Call(
                "GET",
                f"/v1/jobs/{segment(job_id)}/gates/grid",
                GateGrid,
                query={"columns": columns, "from_step": from_step, "to_step": to_step},
                headers={"if-none-match": if_none_match},
            )
        )

    async def get_measures(
        self, job_id: str, *, after_step: int | None = None, points: int | None = None, if_none_match: str | None = None
    ) -> MeasureSeries:
        """Losses, penalty, polarization and throughput of a search, thinned to at most `points` points."""
        from trainers.runs.series import MeasureSeries

        return await self.send(
            Call(
                "GET",
                f"/v1/jobs/{segment(job_id)}/measures",
                MeasureSeries,
                query={"after_step": after_step, "points": points},
                headers={"if-none-match": if_none_match},
            )
        )

    async def get_results(self, job_id: str) -> Results:
        """The metrics of the full, the pruned and the fine-tuned model, the selection curve, and what each feature
        weighs.
        """
        from trainers.runs.results import Results

        return await self.send(Call("GET", f"/v1/jobs/{segment(job_id)}/results", Results))

    async def get_logs(self, job_id: str, *, offset: int | None = None, tail: int | None = None) -> Log:
        """What the job's run and its libraries said, at most 1 MiB of it; attempts follow one another in one log."""
        from service.schemas.runs import Log

        return await self.send(
            Call("GET", f"/v1/jobs/{segment(job_id)}/logs", Log, query={"offset": offset, "tail": tail})
        )

    async def create_schedule(self, model: str, body: ScheduleSettings | Mapping[str, Any]) -> ScheduleView:
        """Make jobs of this model by the clock from now on."""
        from service.schemas.schedules import ScheduleView

        return await self.send(Call("POST", f"/v1/models/{segment(model)}/schedules", ScheduleView, body=body))

    async def list_schedules(self, model: str, *, cursor: int | None = None, limit: int | None = None) -> SchedulePage:
        """The schedules of a model."""
        from service.schemas.schedules import SchedulePage

        return await self.send(
            Call(
                "GET", f"/v1/models/{segment(model)}/schedules", SchedulePage, query={"cursor": cursor, "limit": limit}
            )
        )

    async def preview_cron(self, model: str, body: CronPreview | Mapping[str, Any]) -> DueTimes:
        """When a cron expression would be due, stored nowhere."""
        from service.schemas.schedules import DueTimes

        return await self.send(Call("POST", f"/v1/models/{segment(model)}/schedules/preview", DueTimes, body=body))

    async def get_schedule(self, model: str, schedule_id: str, *, if_none_match: str | None = None) -> ScheduleView:
        """A schedule, and when it is due next."""
        from service.schemas.schedules import ScheduleView

        return await self.send(
            Call(
                "GET",
                f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}",
                ScheduleView,
                headers={"if-none-match": if_none_match},
            )
        )

    async def change_schedule(
        self,
        model: str,
        schedule_id: str,
        body: SchedulePatch | Mapping[str, Any],
        *,
        if_match: int | str | None = None,
    ) -> ScheduleView:
        """Change a schedule. New times count from now: a change never makes a job of a time that has passed."""
        from service.schemas.schedules import ScheduleView

        return await self.send(
            Call(
                "PATCH",
                f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}",
                ScheduleView,
                headers={"if-match": if_match},
                body=body,
            )
        )

    async def delete_schedule(self, model: str, schedule_id: str, *, if_match: int | str | None = None) -> None:
        """Forget a schedule and its fires. Jobs that it made stay."""
        await self.send(
            Call(
                "DELETE",
                f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}",
                None,
                headers={"if-match": if_match},
            )
        )

    async def pause_schedule(self, model: str, schedule_id: str) -> ScheduleView:
        """Start nothing until resumed, back-fills included. Pausing again changes nothing."""
        from service.schemas.schedules import ScheduleView

        return await self.send(
            Call("POST", f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}/pause", ScheduleView)
        )

    async def resume_schedule(
        self, model: str, schedule_id: str, *, body: Resumption | Mapping[str, Any] | None = None
    ) -> ScheduleView:
        """Go on. What was due meanwhile doesn't fire, unless `catch_up` asks for it and the missed policy allows
        it.
        """
        from service.schemas.schedules import ScheduleView

        return await self.send(
            Call(
                "POST", f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}/resume", ScheduleView, body=body
            )
        )

    async def list_due_times(self, model: str, schedule_id: str, *, count: int | None = None) -> DueTimes:
        """When it is due next, were it not paused."""
        from service.schemas.schedules import DueTimes

        return await self.send(
            Call(
                "GET",
                f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}/next",
                DueTimes,
                query={"count": count},
            )
        )

    async def list_fires(
        self,
        model: str,
        schedule_id: str,
        *,
        state: Literal["pending", "started", "skipped"] | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> FirePage:
        """What a schedule has fired and skipped, and what waits."""
        from service.schemas.schedules import FirePage

        return await self.send(
            Call(
                "GET",
                f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}/fires",
                FirePage,
                query={"state": state, "cursor": cursor, "limit": limit},
            )
        )

    async def run_schedule(self, model: str, schedule_id: str) -> FireView:
        """Make the schedule's job now, paused or not. Where it forbids runs side by side, 409 while one runs."""
        from service.schemas.schedules import FireView

        return await self.send(
            Call("POST", f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}/run", FireView)
        )

    async def backfill_schedule(self, model: str, schedule_id: str, body: Backfill | Mapping[str, Any]) -> BackfillView:
        """A run for each partition: one after another, or side by side where the schedule allows it."""
        from service.schemas.schedules import BackfillView

        return await self.send(
            Call(
                "POST",
                f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}/backfill",
                BackfillView,
                body=body,
            )
        )

    async def cancel_backfill(self, model: str, schedule_id: str) -> Cancelled:
        """Skip the runs that still wait. Those that were started go on: cancel their jobs."""
        from service.schemas.schedules import Cancelled

        return await self.send(
            Call("POST", f"/v1/models/{segment(model)}/schedules/{segment(schedule_id)}/backfill/cancel", Cancelled)
        )

    async def create_trigger(self, model: str, body: TriggerSettings | Mapping[str, Any]) -> TriggerView:
        """Start selections of this model by a condition."""
        from service.schemas.triggers import TriggerView

        return await self.send(Call("POST", f"/v1/models/{segment(model)}/triggers", TriggerView, body=body))

    async def list_triggers(self, model: str, *, cursor: int | None = None, limit: int | None = None) -> TriggerPage:
        """The triggers of a model."""
        from service.schemas.triggers import TriggerPage

        return await self.send(
            Call("GET", f"/v1/models/{segment(model)}/triggers", TriggerPage, query={"cursor": cursor, "limit": limit})
        )

    async def ask_what_if(self, model: str, body: WhatIf | Mapping[str, Any]) -> Explanation:
        """Whether such a trigger would fire under such facts, and why. Nothing is stored, nothing starts."""
        from service.schemas.triggers import Explanation

        return await self.send(Call("POST", f"/v1/models/{segment(model)}/triggers/what-if", Explanation, body=body))

    async def get_trigger(self, model: str, trigger_id: str, *, if_none_match: str | None = None) -> TriggerView:
        """A trigger as it stands."""
        from service.schemas.triggers import TriggerView

        return await self.send(
            Call(
                "GET",
                f"/v1/models/{segment(model)}/triggers/{segment(trigger_id)}",
                TriggerView,
                headers={"if-none-match": if_none_match},
            )
        )

    async def change_trigger(
        self, model: str, trigger_id: str, body: TriggerPatch | Mapping[str, Any], *, if_match: int | str | None = None
    ) -> TriggerView:
        """Change a trigger. One with a new condition remembers nothing; the end of its dry runs ends their
        cooldown.
        """
        from service.schemas.triggers import TriggerView

        return await self.send(
            Call(
                "PATCH",
                f"/v1/models/{segment(model)}/triggers/{segment(trigger_id)}",
                TriggerView,
                headers={"if-match": if_match},
                body=body,
            )
        )

    async def delete_trigger(self, model: str, trigger_id: str, *, if_match: int | str | None = None) -> None:
        """Forget a trigger and its evaluations. Jobs that it started stay."""
        await self.send(
            Call(
                "DELETE",
                f"/v1/models/{segment(model)}/triggers/{segment(trigger_id)}",
                None,
                headers={"if-match": if_match},
            )
        )

    async def explain_trigger(
        self, model: str, trigger_id: str, *, body: Facts | Mapping[str, Any] | None = None
    ) -> Explanation:
        """Whether it would fire now, or under such facts, and why. Nothing is recorded, nothing starts."""
        from service.schemas.triggers import Explanation

        return await self.send(
            Call("POST", f"/v1/models/{segment(model)}/triggers/{segment(trigger_id)}/evaluate", Explanation, body=body)
        )

    async def fire_trigger(
        self, model: str, trigger_id: str, *, body: FireRequest | Mapping[str, Any] | None = None
    ) -> EvaluationView:
        """Fire it now, whatever its condition and kind. In dry-run mode that is recorded, and no job is made."""
        from service.schemas.triggers import EvaluationView

        return await self.send(
            Call("POST", f"/v1/models/{segment(model)}/triggers/{segment(trigger_id)}/fire", EvaluationView, body=body)
        )

    async def list_evaluations(
        self,
        model: str,
        trigger_id: str,
        *,
        fired: bool | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> EvaluationPage:
        """What a trigger saw. One that finds the same again is recorded once an hour."""
        from service.schemas.triggers import EvaluationPage

        return await self.send(
            Call(
                "GET",
                f"/v1/models/{segment(model)}/triggers/{segment(trigger_id)}/evaluations",
                EvaluationPage,
                query={"fired": fired, "cursor": cursor, "limit": limit},
            )
        )

    async def report_latency(self, model: str, body: LatencyBody | Mapping[str, Any]) -> LatencyView:
        """Tell how slow serving is. Reports are kept for a week."""
        from service.schemas.triggers import LatencyView

        return await self.send(Call("POST", f"/v1/models/{segment(model)}/latency", LatencyView, body=body))

    async def list_latency(self, model: str, *, cursor: int | None = None, limit: int | None = None) -> LatencyPage:
        """What was reported."""
        from service.schemas.triggers import LatencyPage

        return await self.send(
            Call("GET", f"/v1/models/{segment(model)}/latency", LatencyPage, query={"cursor": cursor, "limit": limit})
        )

    async def create_model(self, body: NewModel | Mapping[str, Any]) -> ModelView:
        """Put a model under management. The key has to be for all models."""
        from service.schemas.models import ModelView

        return await self.send(Call("POST", "/v1/models", ModelView, body=body))

    async def list_models(
        self, *, owner: str | None = None, name: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> ModelPage:
        """Models by name. A key for one model sees that one."""
        from service.schemas.models import ModelPage

        return await self.send(
            Call("GET", "/v1/models", ModelPage, query={"owner": owner, "name": name, "cursor": cursor, "limit": limit})
        )

    async def get_model(self, model: str, *, if_none_match: str | None = None) -> ModelView:
        """A model and how many features it has."""
        from service.schemas.models import ModelView

        return await self.send(
            Call("GET", f"/v1/models/{segment(model)}", ModelView, headers={"if-none-match": if_none_match})
        )

    async def change_model(
        self, model: str, body: ModelPatch | Mapping[str, Any], *, if_match: int | str | None = None
    ) -> ModelView:
        """Change a model. Jobs that have been submitted keep the spec they were given."""
        from service.schemas.models import ModelView

        return await self.send(
            Call("PATCH", f"/v1/models/{segment(model)}", ModelView, headers={"if-match": if_match}, body=body)
        )

    async def delete_model(self, model: str, *, if_match: int | str | None = None) -> None:
        """Forget a model, its features and its lists, and revoke its keys; its jobs stay. Needs a key for all
        models.
        """
        await self.send(Call("DELETE", f"/v1/models/{segment(model)}", None, headers={"if-match": if_match}))

    async def register_features(self, model: str, body: FeatureBatch | Mapping[str, Any]) -> FeaturesRegistered:
        """Add features to a model: all of them, or none. Names that are taken are refused: change those features."""
        from service.schemas.features import FeaturesRegistered

        return await self.send(Call("POST", f"/v1/models/{segment(model)}/features", FeaturesRegistered, body=body))

    async def import_features(
        self, model: str, content: str | bytes, *, content_type: str = "application/json"
    ) -> FeaturesRegistered:
        """Register what an export gave, as JSON or CSV by `Content-Type`. CSV takes any of the export's columns."""
        from service.schemas.features import FeaturesRegistered

        return await self.send(
            Call(
                "POST",
                f"/v1/models/{segment(model)}/features/import",
                FeaturesRegistered,
                headers={"Content-Type": content_type},
                body=content,
            )
        )

    async def infer_features(self, model: str, body: InferenceRequest | Mapping[str, Any]) -> Inferred:
        """Propose features for the columns of a data set, from its Parquet schema, statistics and a sample of its
        rows; none are stored.
        """
        from service.schemas.features import Inferred

        return await self.send(Call("POST", f"/v1/models/{segment(model)}/features/infer", Inferred, body=body))

    async def export_features(self, model: str, *, accept: str | None = None) -> str:
        """All features of a model, in JSON or CSV by `Accept`, as `importFeatures` takes them."""
        return await self.send(
            Call("GET", f"/v1/models/{segment(model)}/feature-export", str, headers={"accept": accept})
        )

    async def list_features(
        self,
        model: str,
        *,
        cursor: int | None = None,
        limit: int | None = None,
        status: list[FeatureStatus] | None = None,
        kind: Literal["dense", "categorical", "multi_categorical"] | None = None,
        owner: str | None = None,
        tag: str | None = None,
        name: str | None = None,
    ) -> FeaturePage:
        """Features in the order of their registration."""
        from service.schemas.features import FeaturePage

        return await self.send(
            Call(
                "GET",
                f"/v1/models/{segment(model)}/features",
                FeaturePage,
                query={
                    "cursor": cursor,
                    "limit": limit,
                    "status": status,
                    "kind": kind,
                    "owner": owner,
                    "tag": tag,
                    "name": name,
                },
            )
        )

    async def change_feature_statuses(self, model: str, body: StatusChange | Mapping[str, Any]) -> StatusChanged:
        """Give many features a status: all of them, or none. Those that have it stay as they are."""
        from service.schemas.features import StatusChanged

        return await self.send(Call("POST", f"/v1/models/{segment(model)}/features/status", StatusChanged, body=body))

    async def get_feature(self, model: str, feature: str, *, if_none_match: str | None = None) -> FeatureDetail:
        """A feature and every decision on it."""
        from service.schemas.features import FeatureDetail

        return await self.send(
            Call(
                "GET",
                f"/v1/models/{segment(model)}/features/{segment(feature)}",
                FeatureDetail,
                headers={"if-none-match": if_none_match},
            )
        )

    async def change_feature(
        self, model: str, feature: str, body: FeaturePatch | Mapping[str, Any], *, if_match: int | str | None = None
    ) -> FeatureView:
        """Change a feature. A change of status needs a reason and the scope approve."""
        from service.schemas.features import FeatureView

        return await self.send(
            Call(
                "PATCH",
                f"/v1/models/{segment(model)}/features/{segment(feature)}",
                FeatureView,
                headers={"if-match": if_match},
                body=body,
            )
        )

    async def list_prune_lists(
        self, model: str, *, state: list[ListState] | None = None, cursor: int | None = None, limit: int | None = None
    ) -> ListPage:
        """A model's lists, newest first."""
        from service.schemas.prune_lists import ListPage

        return await self.send(
            Call(
                "GET",
                f"/v1/models/{segment(model)}/prune-lists",
                ListPage,
                query={"state": state, "cursor": cursor, "limit": limit},
            )
        )

    async def get_published_list(self, model: str, number: str) -> ListDetail:
        """A list in its life, and what it says."""
        from service.schemas.prune_lists import ListDetail

        return await self.send(Call("GET", f"/v1/models/{segment(model)}/prune-lists/{segment(number)}", ListDetail))

    async def diff_prune_lists(self, model: str, a: str, b: str) -> ListDiff:
        """What changes where list `b` is served in place of list `a`."""
        from service.schemas.prune_lists import ListDiff

        return await self.send(
            Call("GET", f"/v1/models/{segment(model)}/prune-lists/{segment(a)}/diff/{segment(b)}", ListDiff)
        )

    async def approve_prune_list(
        self, model: str, number: int, *, body: Approval | Mapping[str, Any] | None = None
    ) -> ListView:
        """Agree to a proposed list."""
        from service.schemas.prune_lists import ListView

        return await self.send(
            Call("POST", f"/v1/models/{segment(model)}/prune-lists/{segment(number)}/approve", ListView, body=body)
        )

    async def revise_prune_list(self, model: str, number: int, body: RevisionRequest | Mapping[str, Any]) -> ListView:
        """Make a new list with other decisions: features that the list prunes are kept, or that it keeps are
        pruned.
        """
        from service.schemas.prune_lists import ListView

        return await self.send(
            Call("POST", f"/v1/models/{segment(model)}/prune-lists/{segment(number)}/revisions", ListView, body=body)
        )

    async def start_follow_up_job(self, model: str, number: int, *, idempotency_key: str | None = None) -> JobView:
        """A job that keeps exactly the features that the list keeps, fine-tunes the pruned model, and measures it."""
        from service.schemas.jobs import JobView

        return await self.send(
            Call(
                "POST",
                f"/v1/models/{segment(model)}/prune-lists/{segment(number)}/follow-up",
                JobView,
                headers={"Idempotency-Key": idempotency_key},
            )
        )

    async def reject_prune_list(self, model: str, number: int, body: Rejection | Mapping[str, Any]) -> ListView:
        """Put a proposed or approved list away for good."""
        from service.schemas.prune_lists import ListView

        return await self.send(
            Call("POST", f"/v1/models/{segment(model)}/prune-lists/{segment(number)}/reject", ListView, body=body)
        )

    async def activate_prune_list(
        self, model: str, number: int, *, body: Reasoned | Mapping[str, Any] | None = None
    ) -> ListView:
        """Serve an approved list, and move its features' statuses."""
        from service.schemas.prune_lists import ListView

        return await self.send(
            Call("POST", f"/v1/models/{segment(model)}/prune-lists/{segment(number)}/activate", ListView, body=body)
        )

    async def roll_back_prune_list(
        self, model: str, *, if_match: int | str | None = None, body: Reasoned | Mapping[str, Any] | None = None
    ) -> RolledBack:
        """Take the active list back: the one before it is served again."""
        from service.schemas.prune_lists import RolledBack

        return await self.send(
            Call(
                "POST",
                f"/v1/models/{segment(model)}/prune-list/rollback",
                RolledBack,
                headers={"if-match": if_match},
                body=body,
            )
        )

    async def get_active_prune_list(
        self, model: str, *, accept: str | None = None, if_none_match: str | None = None
    ) -> bytes:
        """The active list, for serving to poll: with its ETag as `If-None-Match`, 304 says that nothing changed."""
        return await self.send(
            Call(
                "GET",
                f"/v1/models/{segment(model)}/prune-list",
                bytes,
                headers={"accept": accept, "if-none-match": if_none_match},
            )
        )

    async def create_key(self, body: NewKey | Mapping[str, Any]) -> KeyWithSecret:
        """Make a key, for no more than the caller's own may do. This answer alone has the secret."""
        from service.schemas.keys import KeyWithSecret

        return await self.send(Call("POST", "/v1/keys", KeyWithSecret, body=body))

    async def list_keys(self, *, cursor: int | None = None, limit: int | None = None) -> KeyPage:
        """Every key, expired and revoked ones too; a caller of one model sees that model's."""
        from service.schemas.keys import KeyPage

        return await self.send(Call("GET", "/v1/keys", KeyPage, query={"cursor": cursor, "limit": limit}))

    async def get_key(self, key_id: str) -> KeyView:
        """A key, without its secret."""
        from service.schemas.keys import KeyView

        return await self.send(Call("GET", f"/v1/keys/{segment(key_id)}", KeyView))

    async def rotate_key(self, key_id: str, *, body: Rotation | Mapping[str, Any] | None = None) -> KeyWithSecret:
        """A new secret for a key. The present one stays good for `grace_seconds`, one before that no longer."""
        from service.schemas.keys import KeyWithSecret

        return await self.send(Call("POST", f"/v1/keys/{segment(key_id)}/rotate", KeyWithSecret, body=body))

    async def revoke_key(self, key_id: str) -> KeyView:
        """Refuse a key from here on. Revoking again changes nothing."""
        from service.schemas.keys import KeyView

        return await self.send(Call("POST", f"/v1/keys/{segment(key_id)}/revoke", KeyView))

    async def get_caller(self) -> CallerView:
        """The caller's name and rights, so that no page offers what would be refused."""
        from service.schemas.keys import CallerView

        return await self.send(Call("GET", "/v1/me", CallerView))

    async def list_audit(
        self,
        *,
        by: str | None = None,
        key_id: str | None = None,
        operation: str | None = None,
        model: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> AuditPage:
        """Entries that fit every filter given, newest first."""
        from service.schemas.audit import AuditPage

        return await self.send(
            Call(
                "GET",
                "/v1/audit",
                AuditPage,
                query={
                    "by": by,
                    "key_id": key_id,
                    "operation": operation,
                    "model": model,
                    "status": status,
                    "request_id": request_id,
                    "after": after,
                    "before": before,
                    "cursor": cursor,
                    "limit": limit,
                },
            )
        )

    async def create_webhook(self, body: WebhookSettings | Mapping[str, Any]) -> WebhookWithSecret:
        """Send events of all models, and of none, from here on. This answer alone has the secret."""
        from service.schemas.webhooks import WebhookWithSecret

        return await self.send(Call("POST", "/v1/webhooks", WebhookWithSecret, body=body))

    async def create_model_webhook(self, model: str, body: WebhookSettings | Mapping[str, Any]) -> WebhookWithSecret:
        """Send a model's events from here on. This answer alone has the secret."""
        from service.schemas.webhooks import WebhookWithSecret

        return await self.send(Call("POST", f"/v1/models/{segment(model)}/webhooks", WebhookWithSecret, body=body))

    async def list_webhooks(
        self, *, every: bool | None = None, cursor: int | None = None, limit: int | None = None
    ) -> WebhookPage:
        """The webhooks that are sent the events of all models; with `every`, those of single models as well."""
        from service.schemas.webhooks import WebhookPage

        return await self.send(
            Call("GET", "/v1/webhooks", WebhookPage, query={"every": every, "cursor": cursor, "limit": limit})
        )

    async def list_model_webhooks(
        self, model: str, *, cursor: int | None = None, limit: int | None = None
    ) -> WebhookPage:
        """The webhooks of a model."""
        from service.schemas.webhooks import WebhookPage

        return await self.send(
            Call("GET", f"/v1/models/{segment(model)}/webhooks", WebhookPage, query={"cursor": cursor, "limit": limit})
        )

    async def get_webhook(self, webhook_id: str, *, if_none_match: str | None = None) -> WebhookView:
        """A webhook, without its secret."""
        from service.schemas.webhooks import WebhookView

        return await self.send(
            Call("GET", f"/v1/webhooks/{segment(webhook_id)}", WebhookView, headers={"if-none-match": if_none_match})
        )

    async def change_webhook(
        self, webhook_id: str, body: WebhookPatch | Mapping[str, Any], *, if_match: int | str | None = None
    ) -> WebhookView:
        """Change a webhook. One that is enabled again gets events from then on."""
        from service.schemas.webhooks import WebhookView

        return await self.send(
            Call("PATCH", f"/v1/webhooks/{segment(webhook_id)}", WebhookView, headers={"if-match": if_match}, body=body)
        )

    async def delete_webhook(self, webhook_id: str, *, if_match: int | str | None = None) -> None:
        """Forget a webhook and its deliveries."""
        await self.send(Call("DELETE", f"/v1/webhooks/{segment(webhook_id)}", None, headers={"if-match": if_match}))

    async def rotate_webhook_secret(
        self, webhook_id: str, *, body: SecretRotation | Mapping[str, Any] | None = None
    ) -> WebhookWithSecret:
        """A new secret. For `grace_seconds` deliveries are signed with both, so that receivers can change over."""
        from service.schemas.webhooks import WebhookWithSecret

        return await self.send(Call("POST", f"/v1/webhooks/{segment(webhook_id)}/rotate", WebhookWithSecret, body=body))

    async def test_webhook(self, webhook_id: str) -> Pinged:
        """Deliver an event of kind `webhook.ping` to this webhook alone."""
        from service.schemas.webhooks import Pinged

        return await self.send(Call("POST", f"/v1/webhooks/{segment(webhook_id)}/test", Pinged))

    async def list_deliveries(
        self,
        webhook_id: str,
        *,
        state: Literal["pending", "delivered", "failed"] | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> DeliveryPage:
        """What was sent to a webhook, or is to be."""
        from service.schemas.webhooks import DeliveryPage

        return await self.send(
            Call(
                "GET",
                f"/v1/webhooks/{segment(webhook_id)}/deliveries",
                DeliveryPage,
                query={"state": state, "cursor": cursor, "limit": limit},
            )
        )

    async def redeliver(self, webhook_id: str, delivery_id: str) -> DeliveryView:
        """Send it again, under the same `webhook-id`, with as many tries as at first."""
        from service.schemas.webhooks import DeliveryView

        return await self.send(
            Call(
                "POST", f"/v1/webhooks/{segment(webhook_id)}/deliveries/{segment(delivery_id)}/redeliver", DeliveryView
            )
        )
