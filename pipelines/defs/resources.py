"""The one resource: the home with its stores. Assets ask it for what they need and read no environment themselves."""

import dagster as dg

from pipelines.lib.compute import Compute
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings, load_settings


class Home(dg.ConfigurableResource):
    """The stores of one `ROAMLEDGER_HOME`, opened when asked for."""

    @property
    def settings(self) -> Settings:
        """The settings, read anew so that a changed file counts from the next run on."""
        return load_settings()

    @property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(self.settings.lake)

    @property
    def register(self) -> Register:
        """The register, migrated."""
        return Register(self.settings.register)

    @property
    def compute(self) -> Compute:
        """The way to run one function over many items."""
        return Compute(self.settings.workers)


@dg.definitions
def resources() -> dg.Definitions:
    """Bind the resource under the name that assets use."""
    return dg.Definitions(resources={"home": Home()})
