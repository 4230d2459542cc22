"""The main job as a front end and a person do it: main-api's door, provider pages, nothing else.

Every step looks first and does only what is still missing, so that a journey may be repeated, or
go on where it was cut off.
"""
