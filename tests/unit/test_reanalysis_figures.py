"""What a preview says, from figures worked out by hand."""

from uuid import UUID, uuid4

from app.biomech.types import Metric, Side, Verdict
from app.db.models import ReanalysisItem
from app.db.repositories.reanalyses import ItemRecord
from app.domain.reanalysis import ItemState, SkipReason
from app.services.reanalysis_figures import figures_of, preview_of
from tests.factories import make_score

CLUB, RUN = uuid4(), uuid4()


def figures(score: float | None, *, band: str, fppa: float | None = None) -> dict[str, object]:
    metrics = [
        Metric(key="fppa", side=Side.BOTH, value=fppa, unit="deg", event="peak", se=2.0),
        Metric(key="fppa", side=Side.BOTH, value=99.0, unit="deg", event="peak", se=2.0, repetition=1),
    ]
    made = None if score is None else make_score(score, band=band)
    return figures_of(verdict=Verdict.VALID, score=made, metrics=metrics)


def judged(
    before: dict[str, object],
    after: dict[str, object],
    *,
    athlete_id: UUID | None = None,
    is_newest: bool = True,
    name: str = "Ada",
) -> ItemRecord:
    item = ReanalysisItem(
        organisation_id=CLUB,
        reanalysis_id=RUN,
        recording_id=uuid4(),
        state=ItemState.PREVIEWED,
        before=before,
        after=after,
    )
    return ItemRecord(item=item, athlete_id=athlete_id or uuid4(), athlete_name=name, is_newest=is_newest)


def test_preview_when_bands_change_then_athletes_are_counted_by_their_newest_recording() -> None:
    ada = uuid4()
    some, marked = "some deviations", "marked deviations"
    preview = preview_of(
        [
            judged(figures(50.0, band=some), figures(62.0, band=marked), athlete_id=ada),
            judged(figures(55.0, band=some), figures(65.0, band=marked), athlete_id=ada, is_newest=False),
            judged(figures(40.0, band=some), figures(41.0, band=some), name="Bea"),
            judged(figures(None, band="-"), figures(20.0, band="within expected range"), name="Cleo"),
        ]
    )
    assert (preview.n_recordings, preview.n_athletes, preview.n_athletes_changing_band) == (4, 3, 2)
    assert preview.band_moves == {
        "none -> within expected range": 1,
        "some deviations -> marked deviations": 1,
    }
    assert [(m.score_before, m.score_after) for m in preview.largest_movers] == [
        (50.0, 62.0),
        (55.0, 65.0),
        (40.0, 41.0),
    ]


def test_preview_when_numbers_move_both_ways_then_the_median_and_its_size_say_so() -> None:
    band = "some deviations"
    pairs = [(10.0, 14.0), (10.0, 6.0), (10.0, 10.0), (10.0, 13.0)]
    preview = preview_of(
        [
            judged(figures(40.0, band=band, fppa=old), figures(40.0 + new - old, band=band, fppa=new))
            for old, new in pairs
        ]
    )
    assert preview.score is not None
    assert (preview.score.n, preview.score.median, preview.score.median_size) == (4, 1.5, 3.5)
    (fppa,) = preview.metrics  # a single repetition is no value of the trial
    assert (fppa.key, fppa.event, fppa.n, fppa.median, fppa.median_size) == ("fppa", "peak", 4, 1.5, 3.5)


def test_preview_when_some_keep_what_they_have_then_by_reason() -> None:
    skipped = [
        ItemRecord(
            item=ReanalysisItem(
                organisation_id=CLUB,
                reanalysis_id=RUN,
                recording_id=uuid4(),
                state=ItemState.SKIPPED,
                reason=reason,
            ),
            athlete_id=None,
            athlete_name=None,
            is_newest=True,
        )
        for reason in (SkipReason.VIDEO_GONE, SkipReason.VIDEO_GONE, SkipReason.NOT_A_VIDEO)
    ]
    preview = preview_of(skipped)
    assert preview.not_possible == {SkipReason.VIDEO_GONE: 2, SkipReason.NOT_A_VIDEO: 1}
    assert len(preview.not_possible_recordings) == 3
    assert (preview.score, preview.metrics, preview.n_athletes) == (None, (), 0)
