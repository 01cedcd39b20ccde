import os
import tempfile

# The PostgreSQL wheel keeps its lock there and warns (an error here) on a machine without a login session.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="parcours-tests-"))
