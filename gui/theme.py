"""The colours, sizes and style sheet of the window. No colour is written anywhere else than in `gui.tokens`.

Two sets of tokens, light and dark, follow the system (`QStyleHints.colorScheme`) unless a person chose one. They
become one palette, which Fusion draws everything with, and one style sheet for what a palette cannot say. Widgets ask
for a look by a property instead of a colour: `look(button, "primary")`. What is drawn by hand or as HTML asks
`current()` and listens to `notifier().theme_changed`.

Looks: labels "soft", "caption", "strong", "title", "headline", "good", "caution", "fault", "caption-caution",
"caption-fault"; buttons "primary", "plain", "quiet", "wide", "example", "round"; frames "surface", "raised", "card",
"notice", "hairline", "hairline-v"; fields "search", "field".
"""

from __future__ import annotations

from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from gui.icons import tinted_file
from gui.tokens import (
    DARK,
    FOCUS_WIDTH,
    ICON_SIZE,
    LIGHT,
    RADIUS,
    RADIUS_L,
    READING_WIDTH,
    SPACE,
    SPACE_L,
    SPACE_M,
    SPACE_S,
    SPACE_XL,
    TEXT_L,
    TEXT_M,
    TEXT_S,
    TEXT_XL,
    Theme,
    current,
    notifier,
    reading_px,
    text_px,
    wide_px,
)

__all__ = [
    "DARK",
    "FOCUS_WIDTH",
    "ICON_SIZE",
    "LIGHT",
    "RADIUS",
    "RADIUS_L",
    "READING_WIDTH",
    "SPACE",
    "SPACE_L",
    "SPACE_M",
    "SPACE_S",
    "SPACE_XL",
    "TEXT_L",
    "TEXT_M",
    "TEXT_S",
    "TEXT_XL",
    "Theme",
    "apply",
    "current",
    "look",
    "mono_font",
    "notifier",
    "palette",
    "reading_px",
    "style_sheet",
    "text_px",
    "wide_px",
]


def apply(app: QApplication, choice: str = "system", font_scale: float = 1.0) -> None:
    """Give the application its style, palette, font and style sheet.

    Args:
        app: the application.
        choice: "system", "light" or "dark".
        font_scale: 1.0 is 100 %; sizes of text follow it, spacing does not.
    """
    _prepare_once(app)
    # Native parts (title bars, file dialogs) take the chosen scheme too; platforms without one ignore it.
    app.styleHints().setColorScheme(_SCHEMES.get(choice, Qt.ColorScheme.Unknown))
    _wear(app, choice, font_scale)


_SCHEMES = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}


def _prepare_once(app: QApplication) -> None:
    if app.property("altiplano_themed"):
        return
    app.setProperty("altiplano_themed", True)
    app.setStyle("Fusion")
    app.styleHints().colorSchemeChanged.connect(_on_colour_scheme_changed)


def _on_colour_scheme_changed() -> None:
    app, state = QApplication.instance(), notifier()
    if isinstance(app, QApplication) and state.choice == "system":
        _wear(app, state.choice, state.font_scale)


def _wear(app: QApplication, choice: str, font_scale: float) -> None:
    scheme = _SCHEMES.get(choice, app.styleHints().colorScheme())
    theme = DARK if scheme == Qt.ColorScheme.Dark else LIGHT
    notifier().use(theme, choice, font_scale)
    app.setFont(_font(app, font_scale))
    app.setPalette(palette(theme))
    app.setStyleSheet(style_sheet(theme, font_scale))
    notifier().theme_changed.emit()


def mono_font(size: int = TEXT_S) -> QFont:
    """The system's monospaced font, for code."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(text_px(size))
    return font


def _font(app: QApplication, font_scale: float) -> QFont:
    font = QFont(app.font())
    # Whatever script the system's font lacks is looked up in these before anywhere else.
    families = [font.families()[0] if font.families() else font.family()]
    font.setFamilies([*families, "Noto Sans", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Arabic"])
    font.setPixelSize(round(TEXT_M * font_scale))
    return font


def palette(theme: Theme) -> QPalette:
    """What Fusion draws with."""
    role = QPalette.ColorRole
    colours = {
        role.Window: theme.ground, role.WindowText: theme.text, role.Base: theme.surface,
        role.AlternateBase: theme.raised, role.Text: theme.text, role.Button: theme.raised,
        role.ButtonText: theme.text, role.BrightText: theme.fault, role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text, role.PlaceholderText: theme.soft, role.Highlight: theme.accent,
        role.HighlightedText: theme.surface, role.Link: theme.accent, role.LinkVisited: theme.accent,
        role.Accent: theme.accent, role.Light: theme.surface, role.Midlight: theme.raised, role.Mid: theme.line,
        role.Dark: theme.line, role.Shadow: theme.line,
    }  # fmt: skip
    result = QPalette()
    for name, colour in colours.items():
        result.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, name, QColor(theme.soft))
    return result


def look(widget: QWidget, name: str) -> None:
    """Give a widget one of the looks of the style sheet, also after it was shown."""
    if widget.property("look") == name:
        return
    widget.setProperty("look", name)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()


_SHEET = Template("""
QWidget { outline: none; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 4px 8px; }
QMainWindow, QDialog { background: $ground; }

QLabel { background: transparent; }
QLabel[look="soft"] { color: $soft; }
QLabel[look="caption"] { color: $soft; font-size: ${s}px; }
QLabel[look="strong"] { font-weight: 600; }
QLabel[look="title"] { font-size: ${l}px; font-weight: 600; }
QLabel[look="headline"] { font-size: ${xl}px; font-weight: 600; }
QLabel[look="caption-caution"] { color: $caution; font-size: ${s}px; }
QLabel[look="caption-fault"] { color: $fault; font-size: ${s}px; }
QLabel[look="good"] { color: $good; }
QLabel[look="caution"] { color: $caution; }
QLabel[look="fault"] { color: $fault; }
QLabel[look="pill"] { background: $surface; color: $text; border-radius: 8px; padding: 2px 8px; }

QFrame[look="surface"] { background: $surface; border: none; }
QFrame[look="raised"] { background: $raised; border: none; border-radius: 8px; }
QFrame[look="card"] { background: $surface; border: 1px solid $line; border-radius: 12px; }
QFrame[look="notice"] { background: $raised; border: none; }
QFrame[look="hairline"] { background: $line; border: none; min-height: 1px; max-height: 1px; }
QFrame[look="hairline-v"] { background: $line; border: none; min-width: 1px; max-width: 1px; }

QPushButton, QToolButton { background: transparent; border: 2px solid transparent; border-radius: 8px;
    padding: 4px 10px; color: $text; }
QPushButton:hover, QToolButton:hover { background: $raised; }
QPushButton:pressed, QToolButton:pressed { background: $line; }
QPushButton:focus, QToolButton:focus { border-color: $accent; }
QPushButton:disabled, QToolButton:disabled { color: $soft; }
QToolButton { padding: 4px; }
QToolButton::menu-indicator, QPushButton::menu-indicator { image: none; width: 0; }
QPushButton[look="primary"] { background: $accent; color: $surface; font-weight: 600; }
QPushButton[look="primary"]:hover { background: $accent_hover; }
QPushButton[look="primary"]:pressed { background: $accent_hover; }
QPushButton[look="primary"]:focus { border-color: $text; }
QPushButton[look="primary"]:disabled { background: $raised; color: $soft; }
QPushButton[look="plain"], QDialogButtonBox QPushButton { background: $surface; border: 1px solid $line;
    padding: 5px 13px; }
QPushButton[look="plain"]:hover, QDialogButtonBox QPushButton:hover { background: $raised; }
QPushButton[look="plain"]:focus, QDialogButtonBox QPushButton:focus { border: 2px solid $accent; padding: 4px 12px; }
QPushButton[look="quiet"], QToolButton[look="quiet"] { color: $soft; }
QPushButton[look="quiet"]:hover, QToolButton[look="quiet"]:hover { color: $text; }
QPushButton[look="wide"] { text-align: left; padding: 6px 8px; }
QPushButton[look="example"] { background: $surface; border: 1px solid $line; border-radius: 12px; padding: 0; }
QPushButton[look="example"]:hover { background: $raised; }
QPushButton[look="example"]:focus { border: 2px solid $accent; }
QToolButton[look="round"] { background: $accent; border-radius: 18px; padding: 0; }
QToolButton[look="round"]:hover { background: $accent_hover; }
QToolButton[look="round"]:focus { border-color: $text; }
QToolButton[look="round"]:disabled { background: $raised; }

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox { background: $surface; color: $text; border: 1px solid $line;
    border-radius: 8px; padding: 6px 9px; placeholder-text-color: $soft;
    selection-background-color: $accent; selection-color: $surface; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus { border: 2px solid $accent;
    padding: 5px 8px; }
QLineEdit[look="search"] { padding-left: 2px; }
QCheckBox, QRadioButton { spacing: 8px; }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid $soft; border-radius: 8px;
    background: $surface; }
QRadioButton::indicator:checked { border-color: $accent; background: $accent; image: url("$dot"); }
QRadioButton::indicator:disabled { border-color: $line; }
QRadioButton::indicator:checked:disabled { border-color: $soft; background: $soft; }
QRadioButton::indicator:focus { border: 2px solid $accent; width: 12px; height: 12px; }
QRadioButton::indicator:checked:focus { border-color: $text; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid $soft; border-radius: 4px; background: $surface; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url("$check"); }
QCheckBox::indicator:focus { border: 2px solid $accent; width: 12px; height: 12px; }
QCheckBox::indicator:checked:focus { border-color: $text; }
QComboBox::drop-down { border: none; width: 28px; }
QComboBox::down-arrow { image: url("$arrow_down"); width: 14px; height: 14px; }
QSpinBox::up-button, QDoubleSpinBox::up-button { background: transparent; border: none; width: 24px;
    subcontrol-origin: padding; subcontrol-position: top right; }
QSpinBox::down-button, QDoubleSpinBox::down-button { background: transparent; border: none; width: 24px;
    subcontrol-origin: padding; subcontrol-position: bottom right; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url("$arrow_up"); width: 10px; height: 10px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url("$arrow_down"); width: 10px; height: 10px; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $line; padding: 4px;
    selection-background-color: $accent_ground; selection-color: $text; outline: none; }

QPlainTextEdit, QTextEdit, QTextBrowser { background: transparent; border: none; color: $text;
    placeholder-text-color: $soft;
    selection-background-color: $accent; selection-color: $surface; }
QAbstractScrollArea { background: transparent; border: none; }
QPlainTextEdit[look="field"] { background: $surface; border: 1px solid $line; border-radius: 8px; padding: 4px 6px; }
QPlainTextEdit[look="field"]:focus { border: 2px solid $accent; padding: 3px 5px; }
QAbstractItemView { background: transparent; border: none; outline: none;
    selection-background-color: $accent_ground; selection-color: $text; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { background: transparent; color: $soft; font-size: ${s}px; border: none;
    border-bottom: 1px solid $line; padding: 4px 8px; }
QHeaderView::down-arrow { image: url("$arrow_down"); width: 10px; height: 10px; }
QHeaderView::up-arrow { image: url("$arrow_up"); width: 10px; height: 10px; }
QTreeView::indicator { width: 14px; height: 14px; border: 1px solid $soft; border-radius: 4px; background: $surface; }
QTreeView::indicator:checked { border-color: $accent; background: $accent; image: url("$check"); }
QTreeView::indicator:indeterminate { border-color: $accent; background: $accent_ground; image: url("$some"); }
QTreeView::indicator:disabled { border-color: $line; }

QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QMenu { background: $surface; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 6px; color: $text; }
QMenu::item:selected { background: $raised; }
QMenu::item:disabled { color: $soft; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }

QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $line; border-radius: 3px; margin: 2px; }
QScrollBar::handle:hover { background: $soft; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QProgressBar { background: $line; border: none; border-radius: 1px; max-height: 3px; min-height: 3px; }
QProgressBar::chunk { background: $accent; border-radius: 1px; }
QSplitter::handle { background: $line; }
QSplitter::handle:horizontal { width: 1px; }
""")


def style_sheet(theme: Theme, font_scale: float = 1.0) -> str:
    """The style sheet of a theme. Sizes of text come as pixels at the font scale."""
    hover = QColor(theme.accent).lighter(112) if theme.is_dark else QColor(theme.accent).darker(112)
    values: dict[str, object] = {name: getattr(theme, name) for name in Theme.__slots__}
    values |= {"accent_hover": hover.name()}
    values |= {"check": tinted_file("check", theme.surface), "some": tinted_file("minus", theme.accent)}
    values |= {"dot": tinted_file("dot", theme.surface)}
    values |= {"arrow_down": tinted_file("chevron-down", theme.soft), "arrow_up": tinted_file("chevron-up", theme.soft)}
    sizes = zip(("s", "m", "l", "xl"), (TEXT_S, TEXT_M, TEXT_L, TEXT_XL), strict=True)
    return _SHEET.substitute(values | {key: round(px * font_scale) for key, px in sizes})
