"""What can be refused or fail here. No message carries an address or a value of a person: they are logged and shown."""


class TransitionRefused(Exception):
    """`action` does not lead out of `current`. `allowed` are the actions that do, `subject` says of what."""

    def __init__(self, current: str, action: str, allowed: tuple[str, ...], *, subject: str = "campaign"):
        possible = f"Possible now: {', '.join(allowed)}." if allowed else "Nothing leads out of this state."
        text = f"A {subject} that is {current} cannot take the step {action}. {possible}"
        super().__init__(text.replace("_", " "))
        self.current = current
        self.action = action
        self.allowed = allowed
        self.subject = subject


class TemplateRefused(ValueError):
    """A template that may not be used as it is: `line` (from 1) says where, `reason` why, `remedy` what to write instead.

    `others` are further refusals of the same template, so that a page can list all of them at once.
    """

    def __init__(self, line: int, reason: str, remedy: str, others: "tuple[TemplateRefused, ...]" = ()):
        super().__init__(f"Line {line}: {reason} {remedy}")
        self.line = line
        self.reason = reason
        self.remedy = remedy
        self.others = others


class RenderRefused(TemplateRefused):
    """A template that holds, with values that do not fill it: a person for whom a fact is missing, or a limit is passed."""


class SendFailure(Exception):
    """A message that was not sent, as far as we know. `reason` is a code of at most 20 letters, `detail` is for people."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class PermanentFailure(SendFailure):
    """It will never be sent like this: the address does not exist, or the message itself was refused."""


class TransientFailure(SendFailure):
    """It was not sent, for certain, and may be tried again later: not before `retry_after` seconds, where the provider said
    so; 0 where it did not.
    """

    def __init__(self, reason: str, detail: str = "", retry_after: float = 0.0):
        super().__init__(reason, detail)
        self.retry_after = retry_after


class ChannelUnavailable(TransientFailure):
    """Not this message but the whole channel: no connection, no login, our sender refused. Stop and try all of it later."""


class AmbiguousOutcome(SendFailure):
    """It was handed over and no answer came: it may have been sent. Never send it again by yourself."""


class RuleRefused(ValueError):
    """A segment rule that cannot be used: `place` in the tree, why, and what to write instead."""

    def __init__(self, place: str, reason: str, remedy: str):
        super().__init__(f"{place}: {reason} {remedy}")
        self.place = place
        self.reason = reason
        self.remedy = remedy


class SegmentInUse(Exception):
    """A segment that cannot be deleted: `names` of the campaigns, segments and lists that rely on it."""

    def __init__(self, names: tuple[str, ...]):
        super().__init__(f"{len(names)} rely on it: {', '.join(names)}")
        self.names = names


class ApprovalRefused(Exception):
    """Nobody may approve this, or not this person: `code` is stable, the text is for people."""

    def __init__(self, code: str, detail: str):
        super().__init__(detail)
        self.code = code


class NotReady(Exception):
    """A campaign that cannot take the step yet: `problems` lists every reason with what to do about it."""

    def __init__(self, problems: tuple[str, ...]):
        super().__init__(" ".join(problems))
        self.problems = problems


class WordsRefused(ValueError):
    """Words that cannot be a variant's as they are: the message says why and what to do."""


class ReportRefused(Exception):
    """A provider's post that is not heard: `status` is the HTTP answer, the text says why and names nobody."""

    def __init__(self, status: int, detail: str):
        super().__init__(detail)
        self.status = status


class EndpointRefused(ValueError):
    """An endpoint that cannot be kept as it is: `field` names what is wrong, `reason` what to do."""

    def __init__(self, field: str, reason: str):
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
