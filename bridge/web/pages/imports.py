"""Owns a supervisor's pages of imports: a file is sent, tried first, watched, and then brought in earnest."""

from typing import Any

from aiohttp import web

from bridge.crm.clients_csv import Words
from bridge.errors import BadInput, WrongFields, worded
from bridge.store.api_rows import ImportRow
from bridge.web.access import SUPERVISORS, Routes, SignedIn
from bridge.web.client_form import OWN, faults_of
from bridge.web.context import csrf_of, language_of, parts_of, renderer_of
from bridge.web.forms import query_of
from bridge.web.pages.views import fragment, page, see_other
from bridge.web.uploads import JOBS, LARGEST, find_import, repeat, send_report, take_file

_LAST = 10


def declare(routes: Routes) -> None:
    routes.get("/imports", show_imports, SignedIn(SUPERVISORS))
    routes.post("/imports", send_file, SignedIn(SUPERVISORS))
    routes.limit_body(send_file, LARGEST)
    routes.get("/imports/{id}", show_import, SignedIn(SUPERVISORS))
    routes.post("/imports/{id}", bring, SignedIn(SUPERVISORS))
    routes.get("/imports/{id}/state", show_state, SignedIn(SUPERVISORS))
    routes.get("/imports/{id}/refused.csv", show_report, SignedIn(SUPERVISORS))


async def show_imports(request: web.Request) -> web.StreamResponse:
    async with parts_of(request).store.view() as unit:
        rows = await unit.imports.last(_LAST)
    jobs = request.app[JOBS]
    return page(
        request,
        "imports.html",
        imports=[jobs.current(row) for row in rows],
        megabytes=parts_of(request).rules().import_bytes // 1024 // 1024,
    )


async def send_file(request: web.Request) -> web.StreamResponse:
    """The file itself is the body: app.js sends it so, with the page's secret in a header."""
    earnest = query_of(request).choice("earnest", ("1",), optional=True) == "1"
    row = await take_file(request, dry_run=not earnest, words=_words(request))
    return web.Response(status=201, headers={"Location": f"/imports/{row.id}"})


async def show_import(request: web.Request) -> web.StreamResponse:
    return page(request, "import.html", **_context(request, await find_import(request)))


async def show_state(request: web.Request) -> web.StreamResponse:
    """The part of the page that asks for itself again until the import is done."""
    row = await find_import(request)
    return fragment(request, "_import.html", csrf=csrf_of(request), **_context(request, row))


async def bring(request: web.Request) -> web.StreamResponse:
    row = await repeat(request, await find_import(request), _words(request))
    return see_other(f"/imports/{row.id}")


async def show_report(request: web.Request) -> web.StreamResponse:
    return await send_report(request, await find_import(request))


def _words(request: web.Request) -> Words:
    """In the language of who has sent the file, and reads its report."""
    language, fields = renderer_of(request).languages[language_of(request)], parts_of(request).client_fields()
    titles = {OWN + one.key: one.title.text(language.code) for one in fields}

    def words(error: BadInput) -> str:
        if not isinstance(error, WrongFields):
            return worded(error.message, error.values, language.gettext)
        faults = faults_of(fields, error.faults)
        return "; ".join(
            f"{titles.get(name, name.removeprefix(OWN))}: {language.gettext(fault)}"
            for name, fault in faults.items()
        )

    return words


def _context(request: web.Request, row: ImportRow) -> dict[str, Any]:
    jobs = request.app[JOBS]
    return {
        "job": row,
        "has_report": jobs.report(row) is not None,
        "may_bring": row.dry_run and row.state == "done" and jobs.has_file(row),
    }
