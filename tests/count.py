#!/usr/bin/python3
"""count.py JUNIT-FILE... - adds up meson's reports of one run.

Prints "N passed, N failed, N skipped" and what failed; the exit status is 1
if anything did, or if nothing ran.
"""
import sys
import xml.etree.ElementTree as tree

passed, failed, skipped = 0, [], []
for path in sys.argv[1:]:
    for suite in tree.parse(path).getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            name = "%s: %s" % (suite.get("name"), case.get("name"))
            if case.find("failure") is not None or \
                    case.find("error") is not None:
                failed.append(name)
            elif case.find("skipped") is not None:
                skipped.append(name)
            else:
                passed += 1
for name in skipped:
    print("skipped:", name)
for name in failed:
    print("failed:", name)
print("%d passed, %d failed, %d skipped" % (passed, len(failed), len(skipped)))
sys.exit(1 if failed or passed == 0 else 0)
