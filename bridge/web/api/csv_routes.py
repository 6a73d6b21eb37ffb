"""Owns the part of the API's table that is about CSV: exports, and imports as jobs."""

from bridge.web.access import SUPERVISORS
from bridge.web.api import exports, imports
from bridge.web.api.operations import Operation

CSV: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/clients.csv",
        exports.export_clients,
        "clients:read",
        "All clients as CSV, in the form that an import takes",
        "text/csv",
        query=exports.ClientsCsvQuery,
        roles=SUPERVISORS,
    ),
    Operation(
        "GET",
        "/tickets.csv",
        exports.export_tickets,
        "tickets:read",
        "Tickets as CSV, the latest first: of departments whose tickets may be exported",
        "text/csv",
        query=exports.TicketsCsvQuery,
    ),
    Operation(
        "GET",
        "/calls.csv",
        exports.export_calls,
        "calls:read",
        "Calls as CSV, the latest first",
        "text/csv",
        query=exports.CallsCsvQuery,
        roles=SUPERVISORS,
    ),
    Operation(
        "POST",
        "/clients/import",
        imports.import_clients,
        "clients:write",
        "Import clients from a CSV file, the request's body; ask the job that is answered what became of it",
        imports.Import,
        query=imports.ImportQuery,
        takes="text/csv",
        status=202,
        located=True,
        roles=frozenset(),
        problems=frozenset({"409"}),
    ),
    Operation(
        "GET",
        "/imports/{id}",
        imports.get_import,
        "clients:read",
        "How far an import is, and what came of it",
        imports.Import,
        roles=SUPERVISORS,
    ),
    Operation(
        "GET",
        "/imports/{id}/report",
        imports.get_import_report,
        "clients:read",
        "Every refused line of an import, with its number and why, as CSV",
        "text/csv",
        roles=SUPERVISORS,
        problems=frozenset({"409", "410"}),
    ),
)
