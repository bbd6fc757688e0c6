"""Text that describes a picture (SVG, a formula, a diagram, a chart) becomes one; any other text is set as pages.

Everything is laid out as SVG by our own code and rasterised by resvg. `media.conversions.draw` is the way in.
"""
