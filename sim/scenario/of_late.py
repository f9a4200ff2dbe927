"""What a lever's money of earlier periods does now, as a scenario states it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sim.scenario.curves import Gain, Model, Positive, Share

__all__ = ["OfLate"]

Part = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class OfLate(Model):
    """What a lever's money of earlier periods does now; all of it is none where today's money is all that there was."""

    keep: Part = Field(
        default=0.5,
        description="of money of late, the part that still counts a period later, for all but carry_over; .5: assumed",
    )
    carry_over: Part = Field(
        default=0.0, description="of what acts, the part that comes from the periods before (adstock); 0: none"
    )
    fatigue: Positive | None = Field(
        default=None,
        description="room R, money a head and period: money works (R + today's)/(R + money of late) times as well as "
        "today; none: no fatigue",
    )
    drives_away: Gain = Field(
        default=0.0,
        description="share by which the defection rate rises for each unit of money a head and period of late above "
        "today's; 0: nobody leaves for it",
    )
    pulled_forward: Share = Field(
        default=0.0, description="of purchases that it adds, the share that would have come later; 0: none"
    )

    @property
    def forgets(self) -> bool:
        """Return whether ``keep`` matters."""
        return bool(self.fatigue or self.drives_away or self.pulled_forward)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.carry_over or self.forgets):
            raise ValueError("states nothing: expected carry_over, fatigue, drives_away or pulled_forward above 0")
        if "keep" in self.model_fields_set and not self.forgets:
            raise ValueError("keep: is of fatigue, drives_away and pulled_forward; leave it out beside carry_over")
        return self
