"""Writes about trained models: runs under a lease, versions with their bytes, promotion with an actor and a reason."""

import subprocess
import uuid
import zipfile
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.services import audit
from registry import artifact
from registry.contracts import Lease, Measured, Trained
from registry.exceptions import DamagedArtifact, Diverged, LeaseLost, PromotionRefused
from registry.models import Alarm, Comparison, ModelVersion, Reading, TrainingRun

MAX_ATTEMPTS = 2  # a training killed for memory would be killed again; the second try is for a machine that went away
LEASE = timedelta(minutes=5)  # trainings beat every few seconds; five minutes forgive a machine that swaps
ERROR_CHARS = 2000
TRAINING = "training"  # what an alarm about a run is about


def ask(kind: str, params: dict | None = None, asked_by=None) -> TrainingRun:
    """Leaves a run to be claimed. Who asks twice while one waits gets the waiting one."""
    waiting = TrainingRun.objects.filter(kind=kind, params=params or {}, state=TrainingRun.State.QUEUED).first()
    return waiting or TrainingRun.objects.create(kind=kind, params=params or {}, asked_by=asked_by)


def claim(run_id: int) -> Lease | None:
    """The lease of this run, or None while somebody else's lives, when it is over, or after two attempts.

    A run that used up its attempts and lost its lease becomes `failed` here, so that it is nobody's any more.
    """
    now = timezone.now()
    token = uuid.uuid4()
    claimable = Q(state=TrainingRun.State.QUEUED) | Q(state=TrainingRun.State.RUNNING, lease_until__lt=now)
    changed = TrainingRun.objects.filter(claimable, pk=run_id, attempts__lt=MAX_ATTEMPTS).update(
        state=TrainingRun.State.RUNNING,
        attempts=F("attempts") + 1,
        lease_token=token,
        lease_until=now + LEASE,
        heartbeat_at=now,
        started_at=now,
        share_done=0,
        step="",
    )
    if changed == 1:
        run = TrainingRun.objects.get(pk=run_id)
        return Lease(run_id, run.kind, run.params, token)
    TrainingRun.objects.filter(
        pk=run_id, state=TrainingRun.State.RUNNING, lease_until__lt=now, attempts__gte=MAX_ATTEMPTS
    ).update(
        state=TrainingRun.State.FAILED,
        finished_at=now,
        error=f"The worker was lost {MAX_ATTEMPTS} times (for memory, perhaps); ask again with less data or more memory.",
    )
    return None


def _held(lease: Lease):
    return TrainingRun.objects.filter(
        pk=lease.run_id, lease_token=lease.token, state=TrainingRun.State.RUNNING, lease_until__gte=timezone.now()
    )


def beat(lease: Lease, step: str, share: float) -> None:
    """Renews the lease and tells how far it is. Raises LeaseLost when it is somebody else's by now."""
    now = timezone.now()
    share = min(max(float(share), 0.0), 1.0)
    if not _held(lease).update(heartbeat_at=now, lease_until=now + LEASE, step=step[:120], share_done=share):
        raise LeaseLost(lease.run_id)


def finish(lease: Lease) -> None:
    changed = _held(lease).update(
        state=TrainingRun.State.SUCCEEDED, finished_at=timezone.now(), share_done=1, lease_until=None, error=""
    )
    if not changed:
        raise LeaseLost(lease.run_id)
    clear_alarm(lease.kind, TRAINING)


def fail(lease: Lease, error: str) -> None:
    """Ends the run with what a person can read, and raises an alarm: the live model answers on, and grows old.

    A cause in the data or the code would fail again: no second attempt.
    """
    if _held(lease).update(
        state=TrainingRun.State.FAILED, finished_at=timezone.now(), lease_until=None, error=error[:ERROR_CHARS]
    ):
        raise_alarm(lease.kind, TRAINING, f"Run {lease.run_id} failed, the live model stays. {error}")


def storage() -> Storage:
    """Where artifacts rest, named by their digest."""
    return FileSystemStorage(location=settings.ARTIFACTS_DIR, file_permissions_mode=0o600)


@cache
def code_revision() -> str:
    """The commit this process runs, or "" outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        return subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the machine has
            cwd=here, capture_output=True, text=True, timeout=5, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""


def save_version(lease: Lease, kind: str, arrays: dict[str, np.ndarray], trained: Trained) -> ModelVersion:
    """Keeps the arrays under their digest and leaves a candidate. Raises LeaseLost when the lease is gone.

    Raises Diverged, and keeps nothing, when the model holds a NaN or one of its metrics is no finite number.
    """
    _check_finite(kind, arrays, trained.metrics)
    return save_payload(lease, kind, artifact.dump_arrays(arrays), trained)


def save_payload(
    lease: Lease, kind: str, payload: bytes, trained: Trained, artifact_format: str = "npz"
) -> ModelVersion:
    """The same for bytes that are written already: npz, safetensors or lightgbm. Raises LeaseLost."""
    digest = artifact.digest(payload)
    store = storage()
    if not store.exists(digest):
        store.save(digest, ContentFile(payload))
    with transaction.atomic():
        if not _held(lease).select_for_update().exists():
            raise LeaseLost(lease.run_id)
        return ModelVersion.objects.create(
            kind=kind,
            run_id=lease.run_id,
            params=trained.params,
            data_since=trained.data_since,
            data_until=trained.data_until,
            rows=trained.rows,
            metrics=trained.metrics,
            baseline=trained.baseline,
            code_revision=code_revision(),
            artifact_format=artifact_format,
            artifact_digest=digest,
            artifact_bytes=len(payload),
        )


def _check_finite(kind: str, arrays: dict[str, np.ndarray], metrics: dict) -> None:
    # Infinity is a number that some models mean: a half-life without end. NaN is none that anybody means.
    broken = [name for name, array in arrays.items() if np.asarray(array).dtype.kind == "f" and np.isnan(array).any()]
    for name, row in metrics.items():
        if isinstance(row, dict) and not all(np.isfinite(v) for v in row.values() if isinstance(v, float)):
            broken.append(f"metric {name}")
    if broken:
        raise Diverged(
            f"{kind}: no numbers in {', '.join(sorted(broken)[:5])}. The training diverged; nothing is kept of it."
        )


def _stored(version: ModelVersion) -> bytes:
    try:
        with storage().open(version.artifact_digest) as file:
            return file.read()
    except FileNotFoundError:
        return b""


def load_payload(version: ModelVersion) -> bytes:
    """The bytes of this version, once they are known to be the registered ones. Raises DamagedArtifact, as load_arrays."""
    payload = _stored(version)
    try:
        return artifact.check(payload, version.artifact_digest)
    except DamagedArtifact as error:
        raise_alarm(version.kind, "artifact", f"Version {version.pk} is refused. {error} Roll back or train anew.")
        raise


def load_arrays(version: ModelVersion) -> dict[str, np.ndarray]:
    """The arrays of this version. Raises DamagedArtifact when the bytes are gone or are not what was saved.

    The alarm that it leaves names the version; what was scored with it before still answers.
    """
    payload = _stored(version)
    try:
        return artifact.load_arrays(payload, version.artifact_digest)
    except DamagedArtifact as error:
        raise_alarm(version.kind, "artifact", f"Version {version.pk} is refused. {error} Roll back or train anew.")
        raise


def versions_with(array: str) -> list[ModelVersion]:
    """Versions whose artifact is still there and holds an array of this name, found without reading the arrays.

    By convention an artifact that holds a row per person names them in `customer_ids`.
    """
    found = []
    for version in ModelVersion.objects.filter(artifact_format="npz").exclude(artifact_digest="").order_by("pk"):
        try:
            with storage().open(version.artifact_digest) as file, zipfile.ZipFile(file) as archive:
                if f"{array}.npy" in archive.namelist():
                    found.append(version)
        except (FileNotFoundError, zipfile.BadZipFile):
            continue  # it names nobody
    return found


def replace_artifact(version: ModelVersion, arrays: dict[str, np.ndarray], reason: str) -> str:
    """Puts these arrays in the place of the version's, and deletes the old file; returns the new digest.

    For erasure alone: a version is otherwise what was trained.
    """
    payload = artifact.dump_arrays(arrays)
    digest, old = artifact.digest(payload), version.artifact_digest
    store = storage()
    if not store.exists(digest):
        store.save(digest, ContentFile(payload))
    with transaction.atomic():
        ModelVersion.objects.filter(pk=version.pk).update(artifact_digest=digest, artifact_bytes=len(payload))
        audit(None, "model.rebuilt", version, before={"digest": old}, after={"digest": digest}, reason=reason)
    _delete_unused(old)
    return digest


def drop_artifact(version: ModelVersion, reason: str) -> None:
    """Deletes the bytes of a version that is not live; its metrics stay. It can be neither promoted nor gone back to."""
    with transaction.atomic():
        ModelVersion.objects.filter(pk=version.pk).update(artifact_digest="", artifact_bytes=0)
        audit(None, "model.dropped", version, before={"digest": version.artifact_digest}, reason=reason)
    _delete_unused(version.artifact_digest)


def _delete_unused(digest: str) -> None:
    if digest and not ModelVersion.objects.filter(artifact_digest=digest).exists():
        storage().delete(digest)


def keep_comparison(**figures) -> Comparison:
    """Keeps a table of families judged on one split, as `Comparison` has its fields."""
    return Comparison.objects.create(code_revision=code_revision(), **figures)


def _beats_live(version: ModelVersion) -> bool:
    verdicts = [m.get("beats_live") for m in version.metrics.values() if isinstance(m, dict)]
    return any(verdict is True for verdict in verdicts) and not any(verdict is False for verdict in verdicts)


def _go_live(version: ModelVersion, actor, reason: str, action: str) -> ModelVersion:
    now = timezone.now()
    before = ModelVersion.objects.filter(kind=version.kind, status=ModelVersion.Status.LIVE).first()
    if before is not None:
        ModelVersion.objects.filter(pk=before.pk).update(status=ModelVersion.Status.RETIRED, retired_at=now)
    ModelVersion.objects.filter(pk=version.pk).update(
        status=ModelVersion.Status.LIVE, promoted_at=now, promoted_by=actor, promotion_reason=reason, retired_at=None
    )
    audit(actor, action, version, before={"live": before and before.pk}, after={"live": version.pk}, reason=reason)
    version.refresh_from_db()
    return version


def promote(version_id: int, *, actor, reason: str) -> ModelVersion:
    """Makes a candidate the live one of its kind. `actor` None is the nightly run.

    Raises PromotionRefused without a reason, for what is no candidate, and for a candidate that a paired comparison on
    the same split does not find better than the live model.
    """
    if not reason.strip():
        raise PromotionRefused("Say why this version should be live.")
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().get(pk=version_id)
        # Every version of the kind is locked in one order, so that two promotions queue up instead of crossing.
        list(ModelVersion.objects.select_for_update().filter(kind=version.kind).order_by("pk").values_list("pk"))
        if version.status != ModelVersion.Status.CANDIDATE:
            raise PromotionRefused(f"Version {version.pk} is {version.status}; only a candidate can be promoted.")
        if not version.artifact_digest:
            raise PromotionRefused(f"Version {version.pk} was dropped when somebody in it was erased. Train a new one.")
        live = ModelVersion.objects.filter(kind=version.kind, status=ModelVersion.Status.LIVE).exists()
        if live and not _beats_live(version):
            raise PromotionRefused(
                f"Version {version.pk} does not beat the live model on the same split; its metrics say where."
            )
        return _go_live(version, actor, reason, "model.promoted")


def roll_back(kind: str, *, actor, reason: str) -> ModelVersion:
    """Makes the version live again that was live before the present one. Raises PromotionRefused when there is none."""
    if not reason.strip():
        raise PromotionRefused("Say why the live version should go.")
    with transaction.atomic():
        locked = list(ModelVersion.objects.select_for_update().filter(kind=kind).order_by("pk"))
        retired = [v for v in locked if v.status == ModelVersion.Status.RETIRED and v.promoted_at and v.artifact_digest]
        if not retired:
            raise PromotionRefused(f"No earlier live version of “{kind}” to go back to.")
        return _go_live(max(retired, key=lambda v: v.retired_at), actor, reason, "model.rolled_back")


def raise_alarm(kind: str, subject: str, text: str) -> None:
    """Leaves an open alarm, or counts the one that is open already and gives it the newest words."""
    now = timezone.now()
    open_alarm = Alarm.objects.filter(kind=kind, subject=subject[:80], cleared_at=None)
    if open_alarm.update(text=text[:ERROR_CHARS], last_at=now, times=F("times") + 1):
        return
    # Two at once: the constraint lets one in, and the other has nothing to add.
    Alarm.objects.bulk_create(
        [Alarm(kind=kind, subject=subject[:80], text=text[:ERROR_CHARS], last_at=now)], ignore_conflicts=True
    )


def clear_alarm(kind: str, subject: str) -> None:
    """What the alarm was about is over."""
    Alarm.objects.filter(kind=kind, subject=subject[:80], cleared_at=None).update(cleared_at=timezone.now())


def take_readings(version_id: int, readings: Iterable[Measured]) -> None:
    """Keeps figures about a live version; one out of bounds raises an alarm, one back within them clears it."""
    now = timezone.now()
    kind = ModelVersion.objects.values_list("kind", flat=True).get(pk=version_id)
    rows = [Reading(version_id=version_id, taken_at=now, **vars(one)) for one in readings]
    Reading.objects.bulk_create(rows)
    for row in rows:
        if row.is_alarm:
            raise_alarm(kind, row.name, f"{row.name} is {row.value:.3f}; the bound is {row.threshold:.3f}.")
        elif row.threshold is not None:
            clear_alarm(kind, row.name)
