"""What runs in a process of its own, with strangers' bytes in it and no way out; `worker.py` starts it.

`python -m switchhook.flow.media.child JOB DEMUXER CPU_SECONDS MEMORY_BYTES OUTPUT_BYTES SOUND_SECONDS`, the
recording on standard input, what is made of it on standard output: both are files that were opened before.
"""
