"""Count test cases: python3 tally.py REPORT.xml... prints `PASSED FAILED SKIPPED`.

Reports are JUnit files of ctest or pytest. A ctest entry is a whole program: one that is made with
cmocka tells of its cases in its output, and those are counted. A program that died before it could
tell how a case ended counts as one failure, besides the cases that had passed; so does one whose
cases all passed and that failed nevertheless (a leak, a race).
"""

import re
import sys
import xml.etree.ElementTree as ET

PASSED = re.compile(r"^\[ +OK \] ", re.M)
SUMMARY = {
    "failed": re.compile(r"^\[  FAILED  \] .*?(\d+) test\(s\), listed below", re.M),
    "skipped": re.compile(r"^\[  SKIPPED \] .*?(\d+) test\(s\), listed below", re.M),
}


def is_cmocka(output):
    return "[==========]" in output


def case_outcome(case):
    """How one JUnit case ended."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
        return "skipped"
    return "passed"


def count_case(case):
    outcome = case_outcome(case)
    output = case.findtext("system-out") or ""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    if case.get("status") is None or not is_cmocka(output):
        counts[outcome] = 1
        return counts
    counts["passed"] = len(PASSED.findall(output))
    for name, pattern in SUMMARY.items():
        counts[name] = sum(int(number) for number in pattern.findall(output))
    if outcome == "failed" and counts["failed"] == 0:
        counts["failed"] = 1
    return counts


def tally(paths):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        for case in ET.parse(path).getroot().iter("testcase"):
            for name, number in count_case(case).items():
                total[name] += number
    return total


if __name__ == "__main__":
    print(*tally(sys.argv[1:]).values())
