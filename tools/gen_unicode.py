#!/usr/bin/env python3
"""Writes the Unicode tables of src/input/text/unicode.cpp from Python's unicodedata: `gen_unicode.py OUTPUT.inc`."""
import sys
import unicodedata

LAST = 0x110000
HANGUL = range(0xAC00, 0xAC00 + 11172)
CATEGORIES = ["Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf",
              "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"]
CANONICAL, COMPATIBLE, COMBINING = 32, 64, 128  # flags beside the category's five bits


def decomposition(form: str, code: int) -> str:
    """The full decomposition of one code point; surrogates have none."""
    character = chr(code)
    return character if 0xD800 <= code < 0xE000 else unicodedata.normalize(form, character)


def properties() -> list[int]:
    """One byte per code point: category and flags."""
    result = []
    for code in range(LAST):
        character = chr(code)
        value = CATEGORIES.index(unicodedata.category(character))
        canonical = decomposition("NFD", code)
        if canonical != character:
            value |= CANONICAL
        if decomposition("NFKD", code) != canonical:
            value |= COMPATIBLE
        if unicodedata.combining(character):
            value |= COMBINING
        result.append(value)
    return result


def pages(values: list[int]) -> tuple[list[int], list[int]]:
    """Splits values into pages of 128 and keeps each distinct page once."""
    index, data, seen = [], [], {}
    for start in range(0, LAST, 128):
        page = tuple(values[start:start + 128])
        if page not in seen:
            seen[page] = len(seen)
            data.extend(page)
        index.append(seen[page])
    return index, data


def decompositions(form: str, skip) -> tuple[list[int], list[int], list[int]]:
    """Sorted code points, where each one's decomposition starts (with one end mark), and the decompositions."""
    keys, starts, data = [], [0], []
    for code in range(LAST):
        text = decomposition(form, code)
        if code in HANGUL or text == chr(code) or skip(code, text):
            continue
        keys.append(code)
        data.extend(ord(character) for character in text)
        starts.append(len(data))
    return keys, starts, data


def compositions() -> list[tuple[int, int, int]]:
    """Pairs that compose canonically, exclusions left out, sorted."""
    result = []
    for code in range(LAST):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<") and unicodedata.normalize("NFC", chr(code)) == chr(code):
            result.append((int(parts[0], 16), int(parts[1], 16), code))
    return sorted(result)


def combining_ranges() -> list[tuple[int, int, int]]:
    """Runs of code points with one non-zero combining class: first, last, class."""
    result = []
    for code in range(LAST):
        value = unicodedata.combining(chr(code))
        if not value:
            continue
        if result and result[-1][1] == code - 1 and result[-1][2] == value:
            result[-1] = (result[-1][0], code, value)
        else:
            result.append((code, code, value))
    return result


def lower_pairs() -> list[tuple[int, int]]:
    """Code points with a one-to-one lower-case mapping; U+0130 (two code points) is handled in the code."""
    return [(code, ord(chr(code).lower())) for code in range(LAST) if len(chr(code).lower()) == 1 and chr(code).lower() != chr(code)]


def array(kind: str, name: str, values) -> str:
    items = [str(value) for value in values]
    lines = [", ".join(items[i:i + 32]) for i in range(0, len(items), 32)]
    return f"constexpr {kind} {name}[] = {{\n" + ",\n".join(lines) + "};\n"


def rows(kind: str, name: str, values) -> str:
    return array(kind, name, ("{" + ", ".join(map(str, row)) + "}" for row in values))


def main() -> None:
    index, data = pages(properties())
    canonical = decompositions("NFD", lambda code, text: False)
    compatible = decompositions("NFKD", lambda code, text: text == decomposition("NFD", code))
    text = f'// Unicode {unicodedata.unidata_version}, written by tools/gen_unicode.py.\n'
    text += array("std::uint8_t" if max(index) < 256 else "std::uint16_t", "kPageIndex", index)
    text += array("std::uint8_t", "kPages", data)
    for name, (keys, starts, flat) in (("Canonical", canonical), ("Compatible", compatible)):
        text += array("std::uint32_t", f"k{name}Keys", keys)
        text += array("std::uint16_t", f"k{name}Starts", starts)
        text += array("std::uint32_t", f"k{name}Data", flat)
    text += rows("Composition", "kCompositions", compositions())
    text += rows("CombiningRange", "kCombiningRanges", combining_ranges())
    text += rows("LowerPair", "kLowerPairs", lower_pairs())
    with open(sys.argv[1], "w", encoding="ascii") as file:
        file.write(text)


main()
