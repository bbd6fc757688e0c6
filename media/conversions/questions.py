"""What the model is asked about a source before it becomes something that needs words."""

from __future__ import annotations

from media.conversions.orders import Kind

QUESTIONS = {
    (Kind.IMAGE, Kind.TEXT): "Describe this picture.",
    (Kind.IMAGE, Kind.AUDIO): (
        "Describe this picture in a few sentences, to be read aloud to somebody who cannot see it."
    ),
    (Kind.IMAGE, Kind.VIDEO): "Say in a few short sentences what this picture shows, to be spoken while it is seen.",
    (Kind.VIDEO, Kind.TEXT): "Describe what happens in this clip, with times.",
}
