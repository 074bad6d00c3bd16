"""The pages for people, at the server's root: what this arena is, and a person in the overseer's place.

The pages are made on the server, and work without scripts. They call what the API calls (`forge_server.episodes`), so
a person's verdict is scored like every other verdict, and a page shows no more than the API does.
"""
