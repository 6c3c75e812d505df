"""The parameters of a deployment, from the files that declare them: `providers/<cloud>/config.yml`.

What a parameter is for is said there alone, in the comment above or behind it.
"""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from documenting.markdown import code, heading, prose, sentence, table
from documenting.markdown import page as whole
from documenting.pages import ROOT

CLOUDS = {"aws": "AWS", "google": "Google Cloud", "azure": "Azure"}
# Which parameter is under which heading.
GROUPS = {
    "Which deployment": ("cloud", "project", "region", "bucket", "subscription", "location", "resourceGroup"),
    "Sizes and caps": (
        *("architecture", "apiMemory", "trainMemory", "trainTimeout", "trainDisk"),
        *("apiConcurrency", "trainConcurrency", "apiInstances", "trainInstances"),
        *("requestsPerSecond", "requestBurst", "warmInstances", "runtimeClient"),
    ),
    "Trainings": ("trainHours", "engines", "engineMemory", "engineWorkers"),
    "Data of your own": ("dataBuckets", "outputBuckets", "dataKeys"),
    "What is kept": ("monitoringDays", "auditDays", "logRetention", "deleteModels"),
    "Web pages and domains": ("corsOrigins", "customDomains", "basePath", "documentation"),
    "Who is told": ("webhooks", "topic"),
    "Alarms, logs and traces": (*("alarms", "alarmEmail", "dashboard", "accessLogs", "traces", "tracesTo"),),
    "Who reaches it": (
        *("access", "invokers", "ingress", "subnets", "securityGroups", "vpcConnector", "subnet"),
    ),
    "Keys, tags and accounts": ("encryptionKey", "tags", "buildAccount"),
    "Imported models": ("onnx", "onnxMemory", "onnxConcurrency", "onnxInstances"),
}
_DECLARED = re.compile(r"    (\w+): ('[^']*'|\S+)(?: # (.*))?")
# What is no default of `params`: read where it is used, with what it is else.
_READ = re.compile(r"  \w+: \$\{param:(\w+), (.*)\}(?: # (.*))?")
_REMARK = re.compile(r" +# (.*)")
_FALLBACK = re.compile(r"(?:env:(\w+)|'([^']*)')(?:, )?")


class Parameter(NamedTuple):
    """A parameter of one cloud: its name, what it is without being given, and what it is for."""

    name: str
    default: str
    meaning: str


def page() -> str:
    """The page."""
    clouds = {cloud: {each.name: each for each in declared(cloud)} for cloud in CLOUDS}
    return whole(
        "Deployment parameters",
        "What `--param name=value` sets when the service is deployed to a cloud, with the default on each.",
        "A parameter is for one deployment; the next takes the default again unless it is given too, and "
        "says so. What is to stay stands in `providers/<cloud>/config.yml`: in `params:`, beside "
        "`default:`, under the stage's name.",
        "A cloud without a default in its column has no such parameter, and refuses it. `nothing` is an "
        "empty default: leave the parameter out. More of each cloud: [AWS](../aws.md), [Google "
        "Cloud](../google.md), [Azure](../azure.md).",
        *(text for title, names in GROUPS.items() for text in _group(title, names, clouds)),
    )


def _group(title: str, names: tuple[str, ...], clouds: dict[str, dict[str, Parameter]]) -> list[str]:
    rows = [
        [code(name), *(_default(clouds[cloud].get(name)) for cloud in CLOUDS), _meaning(name, clouds)]
        for name in names
    ]
    return [heading(2, title), table(["parameter", *CLOUDS.values(), "meaning"], rows)]


def _default(parameter: Parameter | None) -> str:
    return "–" if parameter is None else parameter.default


def _meaning(name: str, clouds: dict[str, dict[str, Parameter]]) -> str:
    """What it is for; where clouds say different things, of each."""
    said: dict[str, list[str]] = {}
    for cloud, known in clouds.items():
        if name in known:
            said.setdefault(known[name].meaning, []).append(CLOUDS[cloud])
    if len(said) == 1:
        return prose(sentence(next(iter(said))))
    return " ".join(f"{' and '.join(of)}: {prose(text).removesuffix('.')}." for text, of in said.items())


def declared(cloud: str) -> list[Parameter]:
    """The parameters that a cloud's configuration reads, in its order."""
    with open(os.path.join(ROOT, "providers", cloud, "config.yml"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    begin = lines.index("  default:") + 1
    end = next(place for place, line in enumerate(lines) if place > begin and line and line[0] != " ")
    # `cloud.js` reads this one by itself.
    chosen = Parameter("cloud", "the variable `CLOUD`, else `aws`", "which cloud the command is about")
    own = [*_declared(lines[begin:end]), *_read(lines[end:])]
    return [
        chosen,
        *(each for place, each in enumerate(own) if each.name not in {known.name for known in own[:place]}),
    ]


def _declared(lines: list[str]) -> Iterator[Parameter]:
    for found, remark in _with_remarks(_DECLARED, lines):
        name, default, behind = found.groups()
        text = default.strip("'")
        yield Parameter(name, code(text) if text else "nothing", " ".join(filter(None, [remark, behind])))


def _read(lines: list[str]) -> Iterator[Parameter]:
    for found, remark in _with_remarks(_READ, lines):
        name, fallbacks, behind = found.groups()
        kinds = [
            f"the variable {code(variable)}" if variable else code(_shown(text)) if text else ""
            for variable, text in _FALLBACK.findall(fallbacks)
        ]
        default = ", else ".join(filter(None, kinds)) or "nothing"
        yield Parameter(name, default, " ".join(filter(None, [remark, behind])))


def _with_remarks(pattern: re.Pattern[str], lines: list[str]) -> Iterator[tuple[re.Match[str], str]]:
    """The lines that match, each with the comment right above it."""
    above: list[str] = []
    for line in lines:
        if remark := _REMARK.fullmatch(line):
            above.append(remark[1])
            continue
        if found := pattern.fullmatch(line):
            yield found, " ".join(above)
        above = []


def _shown(text: str) -> str:
    """A default that is made of names, as people write it."""
    return re.sub(r"\$\{self:(?:provider\.)?(\w+)\}", r"<\1>", text)
