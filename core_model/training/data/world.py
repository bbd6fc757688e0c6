"""Names and words of the wide world that fill the frames of `unknown`, and everyday sentences in other languages."""

from __future__ import annotations

_FILLINGS = {
    "country": """
        france, germany, spain, italy, japan, china, india, brazil, peru, chile, canada, mexico, egypt, kenya,
        nigeria, turkey, greece, poland, sweden, norway, finland, austria, bolivia, argentina, australia, new zealand,
        south africa, the usa, the uk, russia, ukraine, portugal, thailand, vietnam, indonesia, korea, iran, iraq,
        israel, morocco, switzerland, ireland, iceland, hungary, cuba
    """,
    "city": """
        paris, london, berlin, rome, madrid, tokyo, new york, beijing, delhi, cairo, lima, la paz, moscow, sydney,
        toronto, vienna, oslo, prague, istanbul, athens, chicago, boston, hamburg, lisbon, dublin, amsterdam, munich,
        zurich, seoul, bangkok, rio, mumbai, los angeles, san francisco, warsaw
    """,
    "person": """
        einstein, newton, mozart, beethoven, shakespeare, goethe, picasso, napoleon, cleopatra, gandhi, obama, marie
        curie, darwin, galileo, bach, plato, aristotle, caesar, columbus, elvis, michael jackson, messi, taylor swift,
        elon musk, steve jobs, bill gates, the pope, churchill, lincoln, washington, alan turing, ada lovelace,
        leonardo da vinci, van gogh, kafka, tolstoy, buddha, jesus, harry potter, batman
    """,
    "event": """
        world war two end, the berlin wall fall, the titanic sink, columbus reach america, the french revolution, the
        moon landing, rome fall, the first computer, the dinosaurs die, the second world war, the great fire of
        london, the black death, the cold war end, the internet begin, people first fly
    """,
    "work": """
        hamlet, faust, the mona lisa, the lord of the rings, harry potter, star wars, the matrix, titanic, bohemian
        rhapsody, the telephone, the light bulb, the radio, the internet, the bible, don quixote, war and peace, the
        starry night, the eiffel tower, penicillin, the wheel, the piano, 1984, moby dick, the odyssey, imagine, the
        magic flute, python
    """,
    "game": """
        chess, poker, monopoly, football, tennis, go, minecraft, tetris, cricket, baseball, golf, bridge, uno
    """,
    "concept": """
        gravity, evolution, photosynthesis, electricity, quantum physics, relativity, a black hole, dna, inflation,
        democracy, climate change, machine learning, artificial intelligence, a neural network, blockchain, energy,
        time, consciousness, philosophy, capitalism, a volcano, an earthquake, the big bang, an atom, a virus,
        magnetism, the stock market, a rainbow, lightning, love, happiness, music theory, grammar, recursion, an
        algorithm, cancer, the brain, the heart, a cell, light, sound, friction, statistics, algebra, a vaccine, yoga,
        karma, nuclear power, solar energy, the human body, the water cycle, a transistor, a transformer, global
        warming
    """,
    "language": """
        german, french, spanish, italian, portuguese, chinese, japanese, russian, arabic, hindi, latin, greek,
        turkish, polish, dutch, korean, swedish, vietnamese, thai, english, welsh, esperanto, quechua
    """,
}
FILLINGS = {name: tuple(" ".join(word.split()) for word in words.split(",")) for name, words in _FILLINGS.items()}

# Templates of `wording`, language by language.
FOREIGN = """
{hallo|guten tag|guten morgen|servus|moin}[, wie geht es dir?]; wie geht es {dir|ihnen}?; was {ist das|siehst
du|kannst du|ist auf dem bild}?; kannst du {deutsch|mir helfen|das lesen|das bild beschreiben}?; wie öffne ich
{scout|ein bild|ein modell}?; welche farbe hat {der kreis|das quadrat|der stern}?; wie viele
{kreise|formen|sterne} {siehst du|sind das}?; danke[ schön]; wer bist du?; schreib mir ein gedicht; wie spät
ist es?; sprichst du deutsch?; bonjour[, {comment ça va|comment allez-vous}?]; {qu'est-ce que c'est|que
vois-tu|qui es-tu|que peux-tu faire}?; parles-tu français?; comment {ouvrir scout|ajouter une image|ça
marche}?; de quelle couleur est le {cercle|carré|triangle}?; merci[ beaucoup]; combien de formes y a-t-il?;
écris un poème; quelle heure est-il?; {hola|buenos días|buenas tardes}[, ¿cómo estás?]; ¿{qué es esto|qué
ves|quién eres|qué puedes hacer}?; ¿hablas español?; ¿cómo {abro scout|añado una imagen|funciona esto}?; ¿de
qué color es el {círculo|cuadrado|triángulo}?; gracias; ¿cuántas formas hay?; escribe un poema; ¿qué hora
es?; {ciao|buongiorno}[, come stai?]; {che cosa è questo|chi sei|cosa vedi|parli italiano}?; di che colore è
il {cerchio|quadrato}?; grazie[ mille]; {olá|bom dia|oi}[, tudo bem?]; {o que é isto|quem é você|o que você
vê|você fala português}?; qual é a cor do {círculo|quadrado}?; obrigado; {hallo|goedemorgen}, hoe gaat het?;
{wat is dit|wie ben jij|wat zie je|spreek je nederlands}?; welke kleur heeft de cirkel?; dank je wel;
{cześć|dzień dobry}; {co to jest|kim jesteś|co widzisz|mówisz po polsku}?; dziękuję; {hej|god morgon}, hur
mår du?; vad är {det här|klockan}?; pratar du svenska?; {merhaba|selam}[, nasılsın?]; bu ne?; sen kimsin?;
türkçe biliyor musun?; teşekkürler; {halo|selamat pagi}[, apa kabar?]; {apa ini|siapa kamu|bisa bahasa
indonesia}?; terima kasih; {kumusta ka|ano ito|sino ka}?; salamat; xin chào; {đây là gì|bạn là ai|bạn có
nói tiếng việt không}?; cảm ơn; {привет|здравствуйте}[, как дела?]; {что это|кто ты|что ты видишь|ты говоришь
по-русски}?; спасибо; какого цвета круг?; {привіт|дякую|що це}?; {γεια σου|τι είναι αυτό|ευχαριστώ};
{你好|您好}; {这是什么|你是谁|你会说中文吗|你能做什么}？; 图片里有什么？; 谢谢; {こんにちは|おはよう}; ありがとう;
{これは何ですか|あなたは誰ですか}？; {日本語は話せますか|何が見えますか}？; 안녕하세요; 감사합니다;
{이게 뭐야|누구세요|한국어 할 줄 알아요}?; {مرحبا|السلام عليكم}; {ما هذا|من أنت|هل تتكلم العربية}؟; شكرا;
{שלום|מה זה|מי אתה}; {नमस्ते|यह क्या है|आप कौन हैं|क्या आप हिंदी बोलते हैं}; धन्यवाद;
{สวัสดี|นี่คืออะไร|คุณคือใคร|ขอบคุณ}
"""
