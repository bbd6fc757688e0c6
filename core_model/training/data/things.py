"""Things that are never in Cria's pictures, for questions with an honest no."""

from __future__ import annotations

_LISTED = """
    dog cat car person man woman child baby face tree house bird horse cow sheep elephant lion tiger bear fish
    flower table chair phone computer laptop book bottle cup plate pizza apple banana cake sandwich bus train plane
    boat ship bicycle motorcycle truck road bridge mountain river lake beach building window door clock lamp bed
    sofa mirror hand eye nose mouth hat shirt shoe bag ball kite guitar piano camera television keyboard mouse robot
    flag map sign street city rabbit fox frog snake spider bee butterfly duck chicken pig monkey giraffe zebra
    dolphin whale knife fork spoon glass bowl egg bread cheese carrot tomato potato lemon strawberry rocket castle
    dragon
"""
THINGS: tuple[str, ...] = tuple(_LISTED.split())
