"""Runs and their records: specified, executed once, kept as small JSON files, carried, repeated.

Read in this order: specification (what a run is), execute (what is recorded), records (how it is kept), queue
(what is missing), archive (from one machine to another), collect (what notebooks and tables see). The
command is ``python -m n2sr_lib.runs``.
"""
