"""Plain words of two to eight letters that are printed in pictures. Reading is learned from random letters as well."""

from __future__ import annotations

_LISTED = """
    go no up ok hi on me we us my it is be do in to of or cat dog sun red sea sky box cup key map pen car bus hat
    egg ice bag bed cow fox jar leg net owl pie run top van wax yes zoo art bee day ear fan gas hot ink job kit lip
    mud nut oil pot rug sad tea use web zip exit fish lamp tree book door milk moon star bird ship wind rain snow
    fire gold iron king leaf nest open park ring road rock salt sand shop soap song taxi time town tuna wall wave
    wolf wood word work year zero blue calm dark east fast good help home idea jump kind love menu news only play
    quiz rest sale test user vote warm west yoga stop free next push pull left down cold llama apple bread chair
    clock cloud dance eagle earth field flame fruit ghost glass grape green happy heart honey horse house juice
    knife lemon light lucky mango metal money mouse music night north ocean olive onion paint paper peach phone
    piano pilot pizza plant queen quiet radio river robot salad sheep smile snake south space spoon stone storm
    sugar table tiger toast tower train truck video voice water wheel white world zebra banana bottle bridge butter
    button camera candle carpet castle cherry circle coffee cookie copper doctor dragon family flower forest friend
    garden guitar hammer island jacket jungle ladder letter market mirror monkey mother number office orange orchid
    pencil pepper pillow planet pocket potato purple rabbit rocket school silver square summer sunset tennis ticket
    tomato tunnel valley violin window winter yellow airport balloon blanket bicycle cabinet captain chicken compass
    country curtain diamond dolphin factory feather giraffe holiday journey kitchen leopard library machine monster
    morning mustard nothing octopus orchard package pancake penguin picture pumpkin rainbow sausage science shelter
    soldier station teacher theatre thunder traffic trumpet unicorn vampire village volcano walnuts welcome whisper
    altitude baseball birthday broccoli calendar children computer dinosaur dressing elephant envelope festival
    football hospital keyboard magazine mountain mushroom notebook painting platypus question sandwich security
    shoulder squirrel sunshine terminal tomorrow treasure triangle umbrella vacation vineyard
"""
PRINTED_WORDS: tuple[str, ...] = tuple(_LISTED.split())
