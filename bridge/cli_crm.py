"""``callbridge import`` and ``callbridge token``: a CRM's clients, and what its programs may do."""

import argparse
import asyncio
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from bridge.cli_recordings import FINDINGS, OK, Adds


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", add: Adds) -> None:
    import_ = add(
        commands,
        "import",
        _import,
        "clients from a CSV file",
        "callbridge import clients.csv --dry-run --report refused.csv",
        ("config",),
    )
    import_.add_argument("file", type=Path, help="columns: name, number, company, language, tier, notes")
    import_.add_argument("--dry-run", action="store_true", help="only say what would become of it")
    import_.add_argument(
        "--report", type=Path, metavar="FILE", help="write every refused line's number and reason, as CSV"
    )

    token = commands.add_parser("token", help="API tokens").add_subparsers(metavar="COMMAND", required=True)
    token_add = add(
        token,
        "add",
        _token_add,
        "make an API token and print it once",
        "callbridge token add crm --scope tickets:read --scope clients:read --days 365",
        ("config",),
    )
    token_add.add_argument("name")
    token_add.add_argument(
        "--scope", action="append", required=True, help="may be given several times; * is all"
    )
    token_add.add_argument("--days", type=int, help="expires after so many days; never, if not given")
    add(
        token,
        "list",
        _token_list,
        "the API tokens: until when they are good, when they were last used (to some minutes), their scopes",
        "callbridge token list",
        ("config",),
    )
    token_revoke = add(
        token, "revoke", _token_revoke, "end an API token at once", "callbridge token revoke 3", ("config",)
    )
    token_revoke.add_argument("id", type=int, help="as `callbridge token list` shows it")


def _import(options: argparse.Namespace) -> int:
    from bridge.administration import import_file
    from bridge.crm.cells import rows_as_bytes
    from bridge.crm.clients_csv import Refusal
    from bridge.store.api_rows import ImportCounts

    size = max(1, options.file.stat().st_size) if options.file.is_file() else 1
    with ExitStack() as stack:
        report = stack.enter_context(options.report.open("wb")) if options.report is not None else None
        if report is not None:
            report.write(rows_as_bytes([("line", "reason")]))

        def progress(now: ImportCounts) -> None:
            if sys.stderr.isatty():
                part = min(100, now.read_bytes * 100 // size)
                print(f"\r{part:3} %  {now.lines} lines", end="", file=sys.stderr, flush=True)

        def refuse(refusal: Refusal) -> None:
            if report is not None:
                report.write(rows_as_bytes([(refusal.line, refusal.reason)]))

        done = asyncio.run(
            import_file(options.config, options.file, progress, refuse, dry_run=options.dry_run)
        )
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for refusal in done.refused:
        print(f"{options.file}:{refusal.line}: {refusal.reason}", file=sys.stderr)
    if done.refusals > len(done.refused):
        print(f"{done.refusals - len(done.refused)} more; --report FILE writes all", file=sys.stderr)
    would = "would be " if options.dry_run else ""
    print(f"{would}{done.added} added, {done.updated} updated, {done.refusals} refused")
    return FINDINGS if done.refusals else OK


def _token_add(options: argparse.Namespace) -> int:
    from bridge.administration import add_token

    token = asyncio.run(add_token(options.config, options.name, options.scope, options.days))
    print(token)
    return OK


def _token_list(options: argparse.Namespace) -> int:
    from bridge.administration import tokens

    def day(at: datetime | None, never: str) -> str:
        return at.astimezone().strftime("%Y-%m-%d %H:%M") if at is not None else never

    for token in asyncio.run(tokens(options.config)):
        expires, used = day(token.expires_at, "never"), day(token.last_used_at, "never")
        scopes = " ".join(token.scopes)
        print(f"{token.id:>4}  {token.name:<24} expires {expires:<16}  used {used:<16}  {scopes}")
    return OK


def _token_revoke(options: argparse.Namespace) -> int:
    from bridge.administration import revoke_token

    asyncio.run(revoke_token(options.config, options.id))
    print(f"token {options.id} revoked: it opens nothing any more")
    return OK
