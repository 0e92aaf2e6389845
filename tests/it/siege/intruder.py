# Runs a tool of sipvicious that calls itself by another name than its own, which everybody knows and nobody answers.
# intruder.py <tool> <arguments of the tool>
import importlib
import sys

sys.path.append("/usr/share/sipvicious")
import sipvicious.libs.svhelper as helper

known = helper.makeRequest.__defaults__
assert "friendly-scanner" in known
helper.makeRequest.__defaults__ = tuple("Telephone" if word == "friendly-scanner" else word for word in known)
tool = importlib.import_module("sipvicious." + sys.argv[1])
sys.argv = sys.argv[1:]
tool.main()
