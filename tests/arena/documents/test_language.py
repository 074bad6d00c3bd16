"""What a text is written in."""

import inspect

import pytest

from forge_arena.documents import language, sections
from forge_arena.documents.language import is_code, other_language

from .real_files import BOOKING, MIND

TEXTS = {
    "German": "Die Halle kann von jedem Mitglied des Vereins gebucht werden. Eine Buchung ist mindestens zehn Tage vor "
    "dem Termin zu machen und wird mit einer Gebühr von zwanzig Euro berechnet, die nicht erstattet wird.",
    "French": "La salle peut être réservée par tous les membres du club. La réservation est faite par une lettre au "
    "gérant dans les dix jours avant la date, et le prix est de vingt euros pour une journée.",
    "Spanish": "La sala puede ser reservada por los miembros del club. La reserva se hace con una carta al encargado "
    "diez días antes de la fecha, y el precio es de veinte euros por un día para todos.",
    "Italian": "La sala può essere prenotata da tutti i soci del circolo. La prenotazione si fa con una lettera al "
    "custode dieci giorni prima della data, e il prezzo è di venti euro per un giorno.",
    "Dutch": "De zaal kan door alle leden van de vereniging worden gehuurd. Het verzoek moet tien dagen van tevoren bij "
    "de beheerder zijn, en de prijs is twintig euro voor een dag met het gebruik van de keuken.",
    "Polish": "Sala może być wynajęta przez członków klubu. Prośba musi być złożona dziesięć dni przed terminem do "
    "kierownika, który odpowiada w ciągu dwóch dni, a cena nie jest zwracana po tym terminie.",
    "Portuguese": "A sala pode ser reservada por todos os membros do clube. O pedido deve ser feito com dez dias de "
    "antecedência ao responsável, que responde em dois dias, e o preço não é devolvido mais tarde na semana.",
    "Swedish": "Salen kan hyras av alla medlemmar i klubben. En begäran ska lämnas till föreståndaren tio dagar före "
    "dagen, och priset är tjugo euro för en dag med köket som ingår om det inte är upptaget.",
    "Cyrillic": "Зал может арендовать любой член клуба. Заявка подаётся управляющему за десять дней, и цена " * 2,
    "Japanese or Chinese": "俱乐部的任何成员都可以预订大厅。预订须在十天前以书面形式向管理员提出。" * 3,
    "Arabic": "يمكن لأي عضو في النادي حجز القاعة ويجب تقديم الطلب قبل عشرة أيام من الموعد إلى المسؤول " * 2,
}


@pytest.mark.parametrize("name", TEXTS)
def test_other_languages_are_named(name: str) -> None:
    assert other_language(TEXTS[name]) == name


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in ("Cyrillic", "Arabic", "Japanese or Chinese")])
def test_half_of_another_language_is_another_language(name: str) -> None:
    assert other_language(f"{BOOKING}\n\n{TEXTS[name]}") == name


def test_two_languages_in_one_paragraph() -> None:
    assert other_language(f"{BOOKING} {TEXTS['German']}") == "German"


@pytest.mark.parametrize(
    "text",
    [
        BOOKING + MIND,
        "- 2014 Tern GT: Automatic (S6), All-Wheel Drive, 6 cyl 2.5 L, Premium fuel, 20 mpg city, 27 mpg highway\n" * 9,
        "4411: {'switch type': 'clicky', 'backlight': 'none'} price $236.51 out of stock\n" * 12,
        "Caf\u00e9 Les Deux, Rue de la Paix: open. " + BOOKING,
        "\u03b1 and \u03b2 are angles. " + BOOKING,
        "",
    ],
)
def test_english_and_tables_are_not_another_language(text: str) -> None:
    assert other_language(text) is None


JAVASCRIPT = """\
import { read } from "./rows.js";

const limit = 30;

export function first(rows) {
  if (rows.length === 0) {
    return null;
  }
  for (const row of rows) {
    console.log(row);
  }
  return rows[0];
}
"""


def test_code_is_code() -> None:
    assert is_code(JAVASCRIPT)
    assert is_code(inspect.getsource(sections._levels))
    assert is_code("<div>\n" + "<p class='a'>\n</p>\n" * 10 + "</div>")


@pytest.mark.parametrize(
    "text",
    [
        f"# Rows\n\n{BOOKING}\n\n```js\n{JAVASCRIPT}```\n\n" + "\n\n".join([BOOKING, MIND] * 8),
        "\n".join(["4411: {'switch type': 'clicky', 'backlight': 'none'} price $236.51 out of stock"] * 12),
        "\n".join(["- Fee: 30 euros;", "- Term: one year;", "- Notice: two weeks before the end of the year."] * 4),
        "x = 1\ny = 2",
    ],
)
def test_prose_and_tables_are_no_code(text: str) -> None:
    assert not is_code(text)


def test_the_lists_hold_no_english_small_words() -> None:
    for words in language._OTHERS.values():
        assert not words & language._ENGLISH
