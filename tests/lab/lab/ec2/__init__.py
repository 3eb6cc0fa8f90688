"""EC2: one handler an action, found by its name."""

from . import attributes, catalogue, copies, encryption, images, instances, lifetimes, snapshots, tags, volumes
from .base import ACTIONS

__all__ = ["ACTIONS", "attributes", "catalogue", "copies", "encryption", "images", "instances", "lifetimes", "snapshots", "tags", "volumes"]
