"""Immutable objects: blobs, trees and snapshots, and the frames they are stored in."""
