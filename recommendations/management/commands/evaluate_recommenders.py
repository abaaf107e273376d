"""Compares every family of recommenders on the shop's own orders: time split, full catalogue, both views."""

from datetime import UTC, datetime, timedelta

from django.core.management.base import BaseCommand, CommandError

from recommendations.ml.comparison import Row
from recommendations.training.comparison import LEVELS, Answer, Question, compare, keep, read, week_end

# The demo store replays its last weeks ahead of the clock: they are what a cut before them is judged on.
AHEAD = timedelta(days=60)
FIGURES = (
    ("ndcg@10", "NDCG@10"), ("recall@10", "rec@10"), ("recall@20", "rec@20"), ("precision@10", "prec@10"),
    ("hit_rate@10", "hit@10"), ("mrr@10", "MRR@10"), ("coverage", "covers"), ("diversity", "divers"),
    ("popularity_bias", "pop bias"), ("miscalibration", "miscal"),
)  # fmt: skip


class Command(BaseCommand):
    help = "Judges all families on one time split of observed orders and keeps the table for the Models page."

    def add_arguments(self, parser):
        parser.add_argument("--cut", type=int, default=49, help="judge on the weeks after this week of the data")
        parser.add_argument("--levels", nargs="+", choices=LEVELS, default=list(LEVELS))
        parser.add_argument("--horizon", type=float, default=28.0, help="days that are judged on")
        parser.add_argument("--networks", action="store_true", help="Caser, LSTM and SASRec too (many minutes)")
        parser.add_argument("--without-two-stage", action="store_true", help="leave out the ranker (some minutes)")
        parser.add_argument("--week-start-hour", type=int, default=5, help="UTC hour at which a Monday starts")

    def handle(self, *args, cut, levels, horizon, networks, without_two_stage, week_start_hour, **options):
        data = read(datetime(1970, 1, 1, tzinfo=UTC), datetime.now(UTC) + AHEAD)
        if not len(data.log.day):
            raise CommandError("There are no orders to learn from; load some first, for example with `make demo`.")
        try:
            day = week_end(data, cut, week_start_hour)
        except ValueError as error:
            raise CommandError(f"--cut {cut}: {error}.") from error
        for level in levels:
            question = Question(level, day, horizon, networks, not without_two_stage)
            answer = compare(data, question, lambda name: self.stderr.write(f"  {name}", ending="\r"))
            keep(answer)
            self._tell(answer, cut)

    def _tell(self, answer: Answer, cut: int) -> None:
        level = answer.question.level
        self.stdout.write(
            f"\n{level}, cut after week {cut}, orders only: {answer.catalogue:,} {level}s, "
            f"{answer.history_rows:,} purchases before the cut, {answer.seconds:.0f} s"
        )
        for view in ("all", "novel"):
            rows = [row for row in answer.rows if row.view == view]
            if not rows:
                continue
            name = "all purchases" if view == "all" else "novel only"
            self.stdout.write(f"{name}, {rows[0].people:,} people")
            self.stdout.write(
                f"{'':13}" + "".join(f"{short:>9}" for _, short in FIGURES) + f"{'over ' + rows[0].baseline:>28}  "
                "new / light / heavy"
            )
            for row in rows:
                self.stdout.write(_line(row))
            against = [row for row in rows if row.ranker_over is not None]
            if against:
                self.stdout.write("the ranker less each of the others, NDCG@10, 95 %")
            for row in against:
                self.stdout.write(f"  {row.family:13}{_interval(row.ranker_over):>28}  {_verdict(row.ranker_over)}")
        for family, reason in answer.left_out.items():
            self.stdout.write(f"left out: {family}: {reason}")


def _line(row: Row) -> str:
    figures = "".join(f"{row.figures.get(name, float('nan')):9.4f}" for name, _ in FIGURES)
    over = "" if row.over is None else _interval(row.over)
    by_segment = " / ".join(f"{reached:.3f} ({people})" for people, reached in row.by_segment.values())
    return f"{row.family:13}{figures}{over:>28}  {by_segment}"


def _interval(difference: tuple[float, float, float]) -> str:
    return "{:+.4f} [{:+.4f}, {:+.4f}]".format(*difference)


def _verdict(difference: tuple[float, float, float]) -> str:
    _, low, high = difference
    return "better" if low > 0 else "WORSE" if high < 0 else "no worse"
