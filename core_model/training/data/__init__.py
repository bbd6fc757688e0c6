"""What Cria is trained on: drawn pictures, printed text and conversations, made on the fly from a seed. No torch here.

Nothing is downloaded and nothing is stored: `dataset.sample` draws sample number `index` of a seed again whenever it
is asked for, so a training run resumes anywhere and an evaluation asks what was never trained on.
"""
