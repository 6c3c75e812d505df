"""The page of all messages that errors can have, so that a search finds any that a person pastes.

A heading says where messages come from; below it they stand by the codes of their errors.
"""

import re
from collections import defaultdict
from typing import NamedTuple

from documenting.markdown import heading
from documenting.markdown import page as whole
from documenting.messages_in_code import VARIES, Message, messages
from handlers.rest.openapi import errors


class Area(NamedTuple):
    """Where messages come from: a heading, the pages that explain it, and the modules by how they begin."""

    title: str
    guides: dict[str, str]
    modules: tuple[str, ...]


# The first area that a module belongs to has its messages.
AREAS = (
    Area("Typing make", {"Troubleshooting": "../troubleshooting.md"}, ("Makefile",)),
    Area(
        "A request",
        {"A walk through the API": "../walk.md", "Asking the model": "../tables.md"},
        (
            "handlers.rest",
            "handlers.errors",
            "handlers.waiting",
            "handlers.addresses",
            "handlers.wsgi",
            "handlers.direct",
            "handlers.clouds",
            "ml_core.json_text",
            "ml_core.errors",
            "ml_core.conflicts",
            "ml_core.records",
            "ml_core.asking",
        ),
    ),
    Area(
        "Keys and rights",
        {"Keys": "../keys.md"},
        ("handlers.auth", "handlers.limits", "providers.deploying.key", "ml_core.name_patterns"),
    ),
    Area(
        "Rows to predict",
        {"Asking the model": "../tables.md"},
        (
            "ml_core.inputs",
            "ml_core.preprocessing",
            "ml_core.arithmetic",
            "ml_core.serving",
            "ml_core.mapping",
        ),
    ),
    Area("Reading a table", {"Tables": "../tables.md"}, ("ml_core.tables", "ml_core.scanning")),
    Area(
        "Datasets, uploads and other places",
        {"Datasets": "../datasets.md"},
        ("ml_core.datasets", "ml_core.objects", "ml_core.erasing"),
    ),
    Area("Pictures", {"Networks": "../networks.md"}, ("ml_core.pictures", "ml_core.picture_files")),
    Area(
        "Training",
        {"Tables": "../tables.md", "Networks": "../networks.md", "Large tables": "../large-tables.md"},
        (
            "ml_core.training",
            "ml_core.hyperparameters",
            "ml_core.networks",
            "ml_core.algorithms",
            "ml_core.streaming",
            "handlers.trainings",
            "ml_core.profiles",
        ),
    ),
    Area("Private training and budgets", {"Privacy": "../privacy.md"}, ("ml_core.privacy",)),
    Area("Jobs", {"Jobs": "../jobs.md"}, ("ml_core.jobs", "ml_core.sandbox", "handlers.jobs")),
    Area("Scoring a table", {"Scoring": "../scoring.md"}, ("ml_core.scoring",)),
    Area(
        "Engines for many parts at once",
        {"Engines": "../engines.md"},
        ("ml_core.engines", "handlers.engines", "providers.mappers", "providers.local.runtime.engines"),
    ),
    Area(
        "Models, versions and aliases",
        {"Versions": "../versions.md", "Names": "../names.md"},
        ("ml_core.registry", "ml_core.names", "ml_core.model", "ml_core.safetensors", "ml_core.export"),
    ),
    Area(
        "Registering a file, and models of scikit-learn",
        {"Offline": "../offline.md", "Models of scikit-learn": "../scikit-learn.md"},
        ("ml_core.registering", "ml_core.converting"),
    ),
    Area(
        "Imported models",
        {"Imported models": "../onnx.md"},
        ("ml_core.graphs", "ml_core.onnx", "ml_core.running", "handlers.onnx", "providers.deploying.graphs"),
    ),
    Area("Monitoring, feedback and usage", {"Monitoring": "../monitoring.md"}, ("ml_core.monitoring",)),
    Area(
        "Schedules and guards", {"Schedules": "../schedules.md"}, ("ml_core.scheduling", "ml_core.guarding")
    ),
    Area(
        "Notices and the audit",
        {"Notices": "../notifications.md", "Audit": "../audit.md"},
        ("ml_core.notices", "ml_core.auditing", "providers.deploying.notices"),
    ),
    Area(
        "Settings and the laptop's server",
        {"The laptop's server": "../laptop.md", "Settings": "settings.md"},
        (
            "handlers.settings",
            "handlers.web",
            "handlers.local",
            "handlers.services",
            "handlers.tracing",
            "providers.local",
        ),
    ),
    Area(
        "One model as a function",
        {"Deploying": "../deploy.md"},
        (
            "handlers.single",
            "providers.aws.deploying.functions",
            "providers.google.deploying.functions",
            "providers.azure.deploying.functions",
            "providers.deploying.functions",
        ),
    ),
    Area(
        "Storage and other services that this one stands on",
        {"Deploying": "../deploy.md"},
        (
            "ml_core.documents",
            "providers.object_storage",
            "providers.http",
            "providers.kept_connections",
            "providers.attachments",
            "providers.obstore_functions",
            "ml_core.ports",
            "ml_core.digests",
        ),
    ),
    Area("AWS", {"AWS": "../aws.md"}, ("providers.aws",)),
    Area("Google Cloud", {"Google Cloud": "../google.md"}, ("providers.google",)),
    Area("Azure", {"Azure": "../azure.md"}, ("providers.azure",)),
    Area(
        "Deploying to any cloud",
        {"Deploying": "../deploy.md", "Web pages and custom domains": "../web.md", "Traces": "../traces.md"},
        (
            "providers.deploying",
            "providers.__main__",
            "cloud.js",
            "providers.parameters",
        ),
    ),
    Area("Advice", {"Advice": "../advice.md"}, ("providers.advising",)),
    Area(
        "The command line",
        {"The command line": "../command-line.md"},
        ("serverless_ml.command_line", "serverless_ml.profiles"),
    ),
    Area(
        "The Python client",
        {"The client": "../client.md", "Frames": "../frames.md", "Offline": "../offline.md"},
        ("serverless_ml",),
    ),
)


def page() -> str:
    """The page, in Markdown."""
    by_area: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    seen: set[tuple[str, str]] = set()
    for message in messages():
        title, code = area_of(message).title, message.code
        if (title, message.text) not in seen:
            seen.add((title, message.text))
            by_area[title][code if code in _CODES else ""].append(message.text)
    return whole(
        "Messages",
        f"Every message that an error can have, as the code makes it; `{VARIES}` stands for what varies.",
        "Search for the words of yours. A heading says where a message comes from, and the code of its error "
        "leads to what to do. The most frequent ones are explained in "
        "[Troubleshooting by message](../troubleshooting.md).",
        *(block for area in AREAS for block in _section(area, by_area[area.title])),
    )


def area_of(message: Message) -> Area:
    """Where a message comes from. Raises `LookupError` where no area has its module."""
    for area in AREAS:
        if any(_begins(message.module, each) for each in area.modules):
            return area
    raise LookupError(f"no area of the page of messages has the module {message.module}")


_CODES = frozenset(error["code"] for error in errors())


def _begins(module: str, start: str) -> bool:
    return module.startswith(start)


def _section(area: Area, by_code: dict[str, list[str]]) -> list[str]:
    guides = ", ".join(f"[{name}]({page_})" for name, page_ in area.guides.items())
    blocks = [heading(2, area.title), f"Explained in: {guides}."]
    for code in sorted(by_code, key=lambda each: (not each, each)):
        of_it = f"With the code [`{code}`](errors.md#{code}):"
        blocks += [
            of_it if code else "Without a code of their own, or within other messages:",
            "\n".join(f"- {_code_span(text)}" for text in sorted(by_code[code], key=str.casefold)),
        ]
    return blocks


def _code_span(text: str) -> str:
    """A text as code, also where it holds backticks."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"`{text}`"
