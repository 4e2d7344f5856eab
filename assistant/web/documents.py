"""The documents of the API as a page on which a call can be tried: Swagger UI, from files of our own server."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response

_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")  # of all that the package holds

# light or dark as on the other pages: as chosen there, else as the system says
_THEME = """<script>(() => {
  let kept = null;
  try { kept = localStorage.getItem("theme"); } catch { /* storage is closed */ }
  const dark = kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark-mode", dark);
})();</script>"""


def add(app: FastAPI) -> None:
    """Put ``/v1/docs`` and its two files on the application; they describe ``app.openapi_url``."""

    @app.get("/v1/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=str(app.openapi_url), title=f"{app.title} · API", oauth2_redirect_url=None,
            swagger_js_url=f"/v1/docs/{_FILES[0]}", swagger_css_url=f"/v1/docs/{_FILES[1]}",
            swagger_favicon_url="/favicon.ico",
            # the badge that says whether a document is valid would be asked of another host
            swagger_ui_parameters={"validatorUrl": None, "docExpansion": "none", "filter": True},
        )  # fmt: skip
        return HTMLResponse(bytes(page.body).decode().replace("</head>", f"{_THEME}</head>"))

    @app.get("/v1/docs/{file}", include_in_schema=False)
    def file(file: str) -> Response:
        import fastapi_offline

        if file not in _FILES:
            raise HTTPException(404, "There is nothing here.")
        return FileResponse(Path(fastapi_offline.__file__).parent / "static" / file)
