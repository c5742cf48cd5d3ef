r"""Any text in ASCII that pdflatex sets in whichever font encoding a document has.

pdflatex stops at characters that its fonts do not declare: `≥` and `σ` in text always, `ą` and `«` in its
default encoding. Accents are therefore written as commands, mathematical signs as mathematics, and what
neither has a command for as its code point.
"""

from __future__ import annotations

import re
import unicodedata

UNKNOWN = "[U+...] stands for a character that pdflatex has no command for: put your own in its place."
"""What a file says that holds such a one."""

_ASCII = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"''",
    "`": r"\textasciigrave{}",
    **{character: rf"\{character}" for character in "&%$#_{}"},
}
_LETTERS = {
    **{"ß": r"\ss{}", "ẞ": "SS", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}"},
    **{"ø": r"\o{}", "Ø": r"\O{}", "å": r"\aa{}", "Å": r"\AA{}", "ł": r"\l{}", "Ł": r"\L{}"},
    **{"ı": r"\i{}", "ȷ": r"\j{}", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th"},
    **{"ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T", "ŋ": "ng", "Ŋ": "Ng"},
}
_PUNCTUATION = {
    **{"–": "--", "—": "---", "−": "$-$", "‐": "-", "‑": "-", "‒": "--", "―": "---"},
    **{"‘": r"\textquoteleft{}", "’": r"\textquoteright{}", "‚": ",", "′": "$'$", "″": "$''$"},
    **{"“": r"\textquotedblleft{}", "”": r"\textquotedblright{}", "„": ",,", "⁄": "/"},
    **{"«": r"$\ll$", "»": r"$\gg$", "‹": r"$<$", "›": r"$>$", "¡": "!`", "¿": "?`"},
    **{"…": r"\dots{}", "•": r"$\bullet$", "·": r"$\cdot$", "°": r"$^{\circ}$", "§": r"\S{}", "¶": r"\P{}"},
    **{"†": r"$^{\dagger}$", "‡": r"$^{\ddagger}$", "©": r"\copyright{}", "®": r"\textsuperscript{(R)}"},
    **{"™": r"\textsuperscript{TM}", "€": "EUR", "£": r"\pounds{}", "¥": "JPY", "‰": r"0/00"},
}
_SIGNS = {
    **{"±": "pm", "∓": "mp", "×": "times", "÷": "div", "≤": "le", "≥": "ge", "≠": "ne", "≈": "approx"},
    **{"≃": "simeq", "≅": "cong", "≡": "equiv", "∼": "sim", "∝": "propto", "≪": "ll", "≫": "gg"},
    **{"→": "rightarrow", "←": "leftarrow", "↔": "leftrightarrow", "↑": "uparrow", "↓": "downarrow"},
    **{"⇒": "Rightarrow", "⇐": "Leftarrow", "⇔": "Leftrightarrow", "↦": "mapsto"},
    **{"∞": "infty", "∂": "partial", "∇": "nabla", "∑": "sum", "∏": "prod", "∫": "int", "√": "surd"},
    **{"∈": "in", "∉": "notin", "∪": "cup", "∩": "cap", "⊂": "subset", "⊆": "subseteq", "∅": "emptyset"},
    **{"∀": "forall", "∃": "exists", "¬": "neg", "∧": "wedge", "∨": "vee", "⊕": "oplus", "⊗": "otimes"},
    **{"∘": "circ", "⋅": "cdot", "★": "star", "ℓ": "ell", "µ": "mu", "✓": "surd", "Ω": "Omega"},
    **{"ϵ": "epsilon", "ε": "varepsilon", "ϑ": "vartheta", "ϕ": "phi", "φ": "varphi", "ς": "varsigma"},
}
# Greek letters that mathematics has a command for, by their Unicode names; the others look like Latin ones.
_GREEK = (
    *("alpha", "beta", "gamma", "delta", "zeta", "eta", "theta", "iota", "kappa", "lamda", "mu", "nu", "xi"),
    *("pi", "rho", "sigma", "tau", "upsilon", "chi", "psi", "omega"),
)
_GREEK_CAPITALS = ("gamma", "delta", "theta", "lamda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega")
_LIKE_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True))
# Combining character → the command of its accent.
_ACCENTS = {
    **{"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u"},
    **{"\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d"},
    **{"\u0327": "c", "\u0331": "b"},
    # Neither an ogonek nor a comma below is in the default encoding.
    **{"\u0328": "c", "\u0326": "c"},
}


def _commands() -> dict[str, str]:
    small = {name: unicodedata.lookup(f"GREEK SMALL LETTER {name}") for name in _GREEK}
    capital = {name: unicodedata.lookup(f"GREEK CAPITAL LETTER {name}") for name in _GREEK_CAPITALS}
    greek = {letter: name.replace("lamda", "lambda") for name, letter in small.items()}
    greek |= {letter: name.replace("lamda", "lambda").capitalize() for name, letter in capital.items()}
    signs = {sign: rf"$\{name}$" for sign, name in (greek | _SIGNS).items()}
    return _ASCII | _LETTERS | _PUNCTUATION | _LIKE_LATIN | signs


_COMMANDS = _commands()


def tex(text: str) -> str:
    """Write plain text for LaTeX; hyphens side by side stay hyphens."""
    plain = unicodedata.normalize("NFC", " ".join(text.split()))
    # Hyphens of the text itself, since a dash of ours is two or three of them.
    runs = re.split("(-{2,})", plain)
    return "".join("-{}" * (len(run) - 1) + "-" if run[:2] == "--" else _written(run) for run in runs)


def tex_line(text: str) -> str:
    """Write a text likewise behind a line's end, to which a bracket or a star would belong."""
    written = tex(text)
    return f"{{{written}}}" if written[:1] in ("[", "*") else written


def _written(text: str) -> str:
    return "".join(map(_character, text))


def _character(character: str) -> str:
    if character in _COMMANDS:
        return _COMMANDS[character]
    if " " <= character <= "~":
        return character
    if unicodedata.category(character) in ("Cf", "Mn", "Me"):
        # Joiners, marks of direction, accents that no letter before them took: nothing to see.
        return ""
    # A whole word of these must be able to end a line.
    return _accented(character) or _compatible(character) or rf"[U+{ord(character):04X}]\allowbreak{{}}"


def _accented(character: str) -> str:
    """Write a letter with its accents as commands; empty for anything else."""
    letter, *marks = list(unicodedata.normalize("NFD", character))
    if not marks or not all(mark in _ACCENTS for mark in marks):
        return ""
    found = {"i": r"\i", "j": r"\j"}.get(letter, _character(letter))
    if found.startswith("$"):
        return found  # text's accents do not stand over mathematics' Greek
    for mark in marks:
        found = rf"\{_ACCENTS[mark]}{{{found}}}"
    return found


def _compatible(character: str) -> str:
    """Write what Unicode calls another form of plain characters: ligatures, wide letters, exponents."""
    kind, _, _ = unicodedata.decomposition(character).partition(" ")
    plain = unicodedata.normalize("NFKC", character)
    if plain == character:
        return ""
    written = _written(plain)
    wrap = {"<super>": "textsuperscript", "<sub>": "textsubscript"}.get(kind)
    return rf"\{wrap}{{{written}}}" if wrap else written
