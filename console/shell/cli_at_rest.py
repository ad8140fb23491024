"""Commands that need no engine: files in and out, proof of what is stored, configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .checking import check
from .errands import loaded, show
from .measuring import measure
from .storing import bring_in, carry_out, prove

app = typer.Typer()
"""Its commands stand among those of `cli.py`."""
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
app.add_typer(config_app, name="config")


@app.command("import")
def import_(
    ctx: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(help="A history file, a folder of them, or a data folder.", readable=False),
    ],
    format_name: Annotated[
        str | None,
        typer.Option("--format", help="csv, histdata, mt, dukascopy or v3; default: told."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Clock of files that do not state theirs: Europe/Athens, UTC-5, …"),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="Whose file it is; default: as its name says.")
    ] = None,
    is_replacing: Annotated[
        bool, typer.Option("--replace", help="Of two bars that differ take the file's.")
    ] = False,
) -> None:
    """Bring M1 and D1 of files or of another data folder into ours; no engine may own it.

    Examples: coldstart-console import EURUSD_M1.csv · coldstart-console import ./histdata
    --zone America/New_York · coldstart-console import export.txt --symbol XAU/USD --json ·
    coldstart-console import --format v3 ../old/data_v3
    """
    raise typer.Exit(bring_in(ctx.obj, path, format_name, zone, symbol, is_replacing=is_replacing))


@app.command()
def verify(ctx: typer.Context) -> None:
    """Prove the stored bars: checksums, grids, M3 to H4 against their M1, the tails in Redis.

    Takes no lock and writes nothing, so an engine may run. Exit 0: all holds; 8: it does not.

    Examples: coldstart-console verify · coldstart-console verify --data ./copy --json
    """
    raise typer.Exit(prove(ctx.obj))


@app.command("export")
def export_(
    ctx: typer.Context,
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="SYMBOL…", help="Whose bars; else --all.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Every configured symbol.")] = False,
    layout: Annotated[
        str, typer.Option(help="v3: today's folder of part files; csv: a file a series.")
    ] = "v3",
    tf: Annotated[
        str | None, typer.Option("--tf", help="M1,D1,…; default: every stored timeframe.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("export"),
    is_replacing: Annotated[
        bool, typer.Option("--replace", help="Write over files that exist.")
    ] = False,
) -> None:
    """Write stored bars to files for other programs; an engine may run meanwhile.

    Examples: coldstart-console export XAU/USD · coldstart-console export --all --layout csv
    --tf M1,D1 --out ./csv · coldstart-console export USD/JPY --replace --json
    """
    asked = tuple(symbols or ())
    done = carry_out(ctx.obj, asked, layout, tf, out, is_all=is_all, is_replacing=is_replacing)
    raise typer.Exit(done)


@config_app.command("check")
def config_check(ctx: typer.Context) -> None:
    """Say whether the configuration can be used, and which of its promises will not be kept.

    Exit 0: it can; 1: it can, but a priming budget is too small; 2: it cannot.

    Example: coldstart-console config check --config config.json
    """
    raise typer.Exit(check(ctx.obj))


@config_app.command("show")
def config_show(ctx: typer.Context) -> None:
    """Print the configuration as it is used, everything filled in.

    Example: coldstart-console config show
    """
    show(loaded(ctx.obj).model_dump_json(indent=2, by_alias=True))


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of config.json, for editors and checks.

    Example: coldstart-console config schema > config.schema.json
    """
    from engine import Config

    show(json.dumps(Config.model_json_schema(), indent=2))


@app.command()
def bench(ctx: typer.Context) -> None:
    """Measure this program on this machine: cold starts, a restart, the cost of an answer.

    Takes half a minute, in scratch folders and with the built-in configuration; no engine of
    yours is touched. It reports and does not judge: the exit code says only that it ran.

    Examples: coldstart-console bench · coldstart-console bench --json
    """
    raise typer.Exit(measure(ctx.obj))
