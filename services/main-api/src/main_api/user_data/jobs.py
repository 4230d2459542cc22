"""The jobs of the worker, and the parts that they are made of."""

from collections.abc import Mapping

from main_api.runtime import Runtime
from main_api.user_data.erase import Erasure
from main_api.user_data.export import Exporter
from main_api.user_data.keeper import OwnKeeper
from main_api.user_data.letters import ErasureLetters
from main_api.user_data.own_erasure import ERASE_ACCOUNT, TELL_ERASURE
from main_api.user_data.own_exports import (
    EXPORT_ACCOUNT,
    REMOVE_OLD_EXPORTS,
    remove_old_exports,
)
from opside_chassis.jobs import Handler
from opside_contracts.user_data.client import UserDataClient

INTEGRATIONS, PAYMENTS, OWN = "integrations-backend", "stripe-payments", "main-api"


def keepers(runtime: Runtime) -> dict[str, OwnKeeper | UserDataClient]:
    """Who keeps data of users. integrations-backend first: erasing there tells the others something."""
    sessions = runtime.database.sessions
    return {
        INTEGRATIONS: UserDataClient(runtime.upstream(INTEGRATIONS)),
        PAYMENTS: UserDataClient(runtime.upstream(PAYMENTS)),
        OWN: OwnKeeper(sessions, runtime.evidence),
    }


def exporter(runtime: Runtime) -> Exporter:
    """Collects copies."""
    return Exporter(runtime.database.sessions, runtime.evidence, keepers(runtime), runtime.clock)


def user_data_handlers(runtime: Runtime) -> Mapping[str, Handler]:
    """Spread into the worker's."""
    sessions, clock = runtime.database.sessions, runtime.clock
    letters = ErasureLetters(sessions, runtime.mailer, runtime.settings.app_url, clock)
    return {
        EXPORT_ACCOUNT: exporter(runtime).run,
        ERASE_ACCOUNT: Erasure(sessions, keepers(runtime), letters, clock).run,
        TELL_ERASURE: letters.run,
        REMOVE_OLD_EXPORTS: lambda _job: remove_old_exports(
            sessions, runtime.evidence, clock=clock
        ),
    }
