"""Sentences to be spoken by the synthesizers: Python's own prose, lip-rich templates, invented words."""

import re
from pydoc_data import topics

_WORDS = {
    "who": "Bob Mabel Philip Wendy Barbara my_mum the_baker Pam a_farmer five_women your_brother Victor".split(),
    "did": "bought moved wanted broke pushed watched found made wrapped opened blew followed pumped put".split(),
    "what": "the_boat a_bubble warm_water the_purple_bus some_coffee two_blue_shoes a_small_lamp the_map "
    "my_wife's_umbrella more_wood the_very_big_pump a_cup_of_soup brown_bread the_oval_window".split(),
    "where": "by_the_pool at_home in_the_woods before_noon above_the_roof for_a_few_weeks on_the_bumpy_bridge "
    "between_the_walls at_the_post_office in_November up_the_mountain".split(),
    "say": "maybe of_course hmm well no_problem oh_wow I_believe you_know perhaps by_the_way".split(),
}
_FORMS = [
    "{who} {did} {what} {where}.",
    "{say}, {who} {did} {what}, {where}.",
    "Who {did} {what}? {who}, {where}!",
    "{number} people {did} {what} {where}.",
    "{what}, {what} and {what}: {number}.",
]
# Native sentences, so that the phone order of these languages is heard as well.
_NATIVE = {
    "de": "Mein Bruder möchte morgen früh über die Brücke fahren. Bitte bring mir vier Bücher und ein paar warme "
    "Pullover. Das Wetter wird am Wochenende bestimmt wieder besser. Wir haben heute viel über Politik gesprochen.",
    "fr": "Je voudrais un peu de beurre et deux pommes. Il faut bien que vous veniez avec moi demain matin. "
    "Bonjour, ma femme parle beaucoup au bureau. Le problème vient du moteur de la voiture bleue.",
    "es": "Mi hermano vive en un pueblo pequeño. Buenos días, me parece muy bien. El problema es que no puedo "
    "volver antes del viernes. Vamos a comprar pan, fruta y un poco de vino.",
    "it": "Mia moglie vuole comprare un paio di scarpe. Buongiorno, vorrei parlare con il medico. Il bambino beve "
    "un bicchiere di acqua fresca. Abbiamo visto un bel film ieri sera.",
    "pt": "O meu pai mora em uma pequena aldeia. Bom dia, preciso falar com você sobre o problema. Vamos beber um "
    "pouco de vinho branco.",
    "nl": "Mijn broer woont boven een bakkerij. Wij willen morgen vroeg op de fiets vertrekken. Het boek over "
    "voetbal ligt op de bovenste plank.",
    "pl": "Mój brat mieszka w małym mieście. Proszę podać mi wodę i chleb. Bardzo lubię oglądać filmy wieczorem.",
    "sv": "Min bror bor på en båt. Vi vill äta middag före filmen. Det var mycket folk på bion.",
    "tr": "Babam bu sabah pazara gitti. Bana bir bardak su verir misin? Bugün hava çok güzel, parkta yürüyelim.",
}
_PINYIN = (
    "wo3 ni3 ta1 men5 ma1 ma5 ba4 ba5 peng2 you3 bei3 jing1 ming2 tian1 bu4 shi4 de5 fei1 ji1 fan4 dian4 hao3 mai3 "
    "mao1 pao3 bu4 mei2 wen4 ti2 hui4 shuo1 zhong1 guo2 hua4 xie4 xie5 zai4 jian4 yi1 er4 san1 si4 wu3 liu4 qi1 ba1 "
    "jiu3 shi2 nü3 lü4 yu3 xue2 sheng1 chi1 shui3 dong1 xi5 zuo4 wan2 gong1 zuo4 bang1 mang2 feng1 fu4 ping2 guo3"
).split()


def prose():
    """Plain sentences of 4 to 22 words from pydoc's topics, in order."""
    text = " ".join(topics.topics[name] for name in sorted(topics.topics))
    text = re.sub(r"[`*_|>\"\\{}\[\]()=+-]+", " ", text)
    found = (" ".join(s.split()) for s in re.split(r"(?<=[.?!:])\s", text))
    return [s for s in found if 4 <= len(s.split()) <= 22 and re.fullmatch(r"[A-Za-z ,.;:?!']+", s)]


def template(rng):
    """One sentence rich in m b p, f v, w and rounded vowels."""
    text = rng.choice(_FORMS)
    for key, words in _WORDS.items():
        while "{" + key + "}" in text:
            text = text.replace("{" + key + "}", rng.choice(words).replace("_", " "), 1)
    return text.replace("{number}", str(rng.integers(1, 99)))


def invented(rng):
    """Three to nine consonant-vowel words in no language."""
    syllable = lambda: rng.choice(list("mbpmbpfvwtdnlskgrhzj")) + rng.choice("a e i o u ou ai ee oo au".split())
    words = ["".join(syllable() for _ in range(rng.integers(1, 4))) for _ in range(rng.integers(3, 10))]
    return " ".join(words).capitalize() + "."


class Sentences:
    """Endless sentences: mostly prose, a third templates, a tenth invented words."""

    def __init__(self, rng):
        self.rng = rng
        self.prose = prose()

    def english(self):
        p = self.rng.random()
        if p < 0.33:
            return template(self.rng)
        return invented(self.rng) if p < 0.43 else self.rng.choice(self.prose)

    def of(self, language):
        """A sentence for an espeak voice: its own language where there is one, else English letters."""
        if language == "cmn-latn-pinyin":
            return " ".join(self.rng.choice(_PINYIN, self.rng.integers(4, 14))) + "."
        native = _NATIVE.get(language.split("-")[0])
        if native and self.rng.random() < 0.5:
            return self.rng.choice(re.split(r"(?<=[.?!])\s", native))
        return self.english()
