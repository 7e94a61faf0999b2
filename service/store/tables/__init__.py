"""Tables. The schema is made by the migrations; a test holds the two together."""

from service.store.tables.access import ApiKey, AuditEntry, BrowserSession
from service.store.tables.automatic import Fire, LatencyReport, Schedule, Trigger, TriggerEvaluation
from service.store.tables.base import Base, UtcTime
from service.store.tables.events import Event
from service.store.tables.jobs import Attempt, IdempotencyKey, Job
from service.store.tables.models import Feature, FeatureDecision, Model, PublishedList
from service.store.tables.webhooks import Delivery, Webhook

__all__ = [
    "ApiKey",
    "Attempt",
    "AuditEntry",
    "Base",
    "BrowserSession",
    "Delivery",
    "Event",
    "Feature",
    "FeatureDecision",
    "Fire",
    "IdempotencyKey",
    "Job",
    "LatencyReport",
    "Model",
    "PublishedList",
    "Schedule",
    "Trigger",
    "TriggerEvaluation",
    "UtcTime",
    "Webhook",
]
