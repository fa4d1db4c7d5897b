"""The API at `/v1`: the calls that Mistral's clients make, answered by this machine.

    uploading, stored, orders, preparing, tunings    what is asked becomes files, and a job that learns from them
    catalogue, embedding                             which names mean which model, and texts as points
    cards, shapes, page                              what is answered, in whose shape, and the page that says so
    app, routing, desk, keys, refusals, calls/       who may ask what, how it is read, answered and refused

Folders and HTTP only: no database, and nothing in memory that a restart would lose.
"""
