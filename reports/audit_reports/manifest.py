"""The views this distribution brings: light records only."""

from collections.abc import Iterable

from audit_core.hookspecs import hookimpl
from audit_core.plugin import RendererPlugin


@hookimpl
def audit_renderers() -> Iterable[RendererPlugin]:
    """JSON, HTML in each language, JUnit and Markdown of a scorecard; HTML of a calibration and of a study."""
    return (
        RendererPlugin(
            name="json",
            title={"en": "The scorecard itself", "ja": "スコアカード本体"},
            filename="scorecard.json",
            load="audit_reports.scorecard_json:render",
        ),
        RendererPlugin(
            name="html",
            title={"en": "One page to read, print and sign", "ja": "閲覧・印刷・署名用の 1 ページ"},
            filename="scorecard.{language}.html",
            load="audit_reports.scorecard_html:render",
        ),
        RendererPlugin(
            name="junit",
            title={"en": "Test cases for a CI server", "ja": "CI サーバー向けのテストケース"},
            filename="junit.xml",
            load="audit_reports.junit:render",
        ),
        RendererPlugin(
            name="markdown",
            title={"en": "A short summary for a CI job", "ja": "CI ジョブ向けの短い要約"},
            filename="summary.md",
            load="audit_reports.markdown_summary:render",
        ),
        RendererPlugin(
            name="calibration-html",
            title={"en": "A calibration's page, with its power curves", "ja": "検出力の曲線を示す、校正のページ"},
            filename="calibration.{language}.html",
            load="audit_reports.calibration_html:render",
            of="calibration",
        ),
        RendererPlugin(
            name="study-html",
            title={"en": "A study's page, its settings side by side", "ja": "設定を並べて比較する、比較検討のページ"},
            filename="study.{language}.html",
            load="audit_reports.study_html:render",
            of="study",
        ),
    )
