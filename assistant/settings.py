"""One place for every setting: environment variables ``CRM_ASSISTANT_*``, read once.

Those in ``EDITABLE`` may also be kept in the home folder (``settings.json``, written by the administrators' page), and
change while the pages are served; the environment wins.
"""

import errno
import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "CRM_ASSISTANT_"
EDITABLE = (
    "company_name",
    "company_color",
    "widget_greeting",
    "widget_greeting_zh",
    "tone",
    "widget_origins",
    "questions_a_minute",
    "refresh_minutes",
    "retrain_hours",
)
_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:(\d{1,5}|\*))?")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,\s]+", text.strip()) if part)


class Settings(BaseSettings):
    """Settings of one process. Every field is an environment variable, e.g. ``CRM_ASSISTANT_HOME``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    home: Path = Field(
        default=Path("~/.crm-assistant"), description="Home folder: record, index, models, weights"
    )
    weights: Path | None = Field(
        default=None, description="Folder of model weights; default is weights/ in the home folder"
    )
    chat_model: str = Field(
        default="default",
        description="'default', 'small', a Hugging Face id, a folder of a model, or openai:MODEL@URL",
    )
    embedder: str = Field(default="all-MiniLM-L6-v2", description="Sentence-transformers model id or folder")
    context_tokens: int = Field(
        default=4096, ge=512, description="Longest prompt and answer together, in tokens"
    )
    answer_tokens: int = Field(default=256, ge=16, description="Longest answer, in tokens")
    threads: int = Field(default=0, ge=0, description="CPU threads for the models; 0 means all cores")
    offline: bool = Field(default=False, description="Never fetch anything; only what is on disk is used")
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=1, le=65535)
    server_names: str = Field(
        default="",
        description="Names this server is reached by beside this machine's own, e.g. help.shop.example behind a proxy",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses of proxies whose X-Forwarded-For and -Proto are believed, e.g. 127.0.0.1; none by default",
    )
    webhook_hosts: str = Field(
        default="",
        description="Hosts inside the company's network that webhooks may reach, e.g. hooks.intern",
    )
    company_name: str = Field(default="", description="Instead of the name in the record")
    smtp_host: str = Field(
        default="", description="Mail server for one-time codes; without one, mails are files in outbox/"
    )
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_tls: bool = Field(default=True, description="Use STARTTLS")
    mail_from: str = Field(default="assistant@localhost", description="Sender of e-mails")
    kb: Path | None = Field(
        default=None,
        description="Folder of articles; default is kb/ in the home folder (the demo company brings its own)",
    )
    company_color: str = Field(default="#0f6b5c", description="The widget's colour, #rrggbb")
    widget_origins: str = Field(
        default="", description="Sites that may show the widget, e.g. https://shop.example; none by default"
    )
    widget_greeting: str = Field(default="", description="What the widget says first, English")
    widget_greeting_zh: str = Field(default="", description="What the widget says first, Chinese")
    questions_a_minute: int = Field(
        default=30,
        ge=0,
        description="Questions that one address may ask in a minute, and 40 times as many other requests; 0: no limit",
    )

    tone: str = Field(
        default="",
        max_length=120,
        description="How answers and drafts to customers sound, e.g. 'warm and brief'; default: friendly",
    )

    oidc_issuer: str = Field(
        default="", description="OpenID Connect: the issuer's address, for people with company accounts"
    )
    oidc_client_id: str = Field(default="", description="OpenID Connect: what this server is called there")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="OpenID Connect: the client's secret"
    )
    oidc_claim: str = Field(
        default="email", description="OpenID Connect: the claim that holds a person's name here"
    )

    vector_server: str = Field(
        default="",
        description="postgresql:// address of a server that holds the vectors; default: files in the home folder",
    )

    refresh_minutes: float = Field(
        default=0.0,
        ge=0,
        description="Minutes between looks for changed articles and interactions while serving; 0 means never",
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the program was given, the environment, then the home folder."""
        return named["init_settings"], named["env_settings"], _HomeFile(settings_cls)

    @field_validator("company_color")
    @classmethod
    def _colour(cls, value: str) -> str:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise ValueError("a colour is written #rrggbb, e.g. #0f6b5c")
        return value.lower()

    @field_validator("widget_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        for origin in re.split(r"[,\s]+", value.strip()):
            if origin and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is no origin: write https://shop.example, or https://*.shop.example"
                )
        return value

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        return _listed(self.widget_origins)

    @property
    def names(self) -> tuple[str, ...]:
        """``server_names``, one by one."""
        return _listed(self.server_names)

    @property
    def internal_hosts(self) -> tuple[str, ...]:
        """``webhook_hosts``, one by one."""
        return _listed(self.webhook_hosts)

    retrain_hours: float = Field(
        default=0.0,
        ge=0,
        description="Hours between looks, while serving, whether models have to be trained again; 0 means never",
    )

    @property
    def home_dir(self) -> Path:
        return self.home.expanduser()

    @property
    def weights_dir(self) -> Path:
        return (self.weights or self.home_dir / "weights").expanduser()

    @property
    def record_path(self) -> Path:
        return self.home_dir / "crm.sqlite"

    @property
    def own_articles(self) -> bool:
        """Whether there is a folder of articles that is not the demo company's."""
        return self.kb is not None or (self.home_dir / "kb").is_dir()

    def kb_dir(self, *, demo: bool) -> Path:
        """The folder of articles and of ``policy.yaml``; it need not exist yet.

        The one that is set, else ``kb/`` in the home folder. The demo company's own folder stands in only for a home
        that holds the demo company (``demo``) and has no ``kb/``: its articles and rules are nobody else's.
        """
        if self.kb is not None:
            return self.kb.expanduser()
        return data_folder("kb") if demo and not self.own_articles else self.home_dir / "kb"

    def article_folders(self, *, demo: bool) -> list[Path]:
        """Folders of articles: :meth:`kb_dir`, and ``articles/`` in the home folder, where accepted drafts are.

        Empty where a company has none yet.
        """
        folders = [self.kb_dir(demo=demo)] if self.own_articles or demo else []
        own = self.home_dir / "articles"
        return [*folders, own] if own.is_dir() else folders


class _HomeFile(PydanticBaseSettingsSource):
    """What an administrator has set on the page. Only what may be changed there counts."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        home = self.current_state.get("home") or self.settings_cls.model_fields["home"].default
        return kept_settings(Path(home).expanduser())


def kept_settings(home: Path) -> dict[str, Any]:
    """The settings that are kept in a home folder. Raises OSError where they can't be read."""
    path = home / "settings.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no object")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as problem:
        raise OSError(
            errno.EINVAL, "The settings can't be read; mend the file or remove it", str(path)
        ) from problem
    return {name: value for name, value in found.items() if name in EDITABLE}


def from_environment(name: str) -> bool:
    """Whether the environment says this setting, so that nothing else may."""
    return (PREFIX + name).lower() in {key.lower() for key in os.environ}


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read from the environment on first use."""
    return Settings()


def data_folder(name: str) -> Path:
    """``prompts`` or ``kb``: inside the installed package, or at the root of a checkout."""
    packaged = Path(__file__).parent / "_data" / name
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / name
