"""The count that ./dev test ends with is honest."""

import tempfile
import unittest

from tally import tally

TWO_PASSED = """[==========] Running 2 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b
[       OK ] b
[==========] 2 test(s) run.
[  PASSED  ] 2 test(s).
"""
ONE_EACH = """[==========] Running 3 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b
[  SKIPPED ] b
[ RUN      ] c
[  FAILED  ] c
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] b

 1 SKIPPED TEST(S)
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] c

 1 FAILED TEST(S)
"""
DIED = """[==========] Running 2 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b
"""


class Tally(unittest.TestCase):
    def count(self, cases):
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as report:
            report.write(f"<testsuite>{cases}</testsuite>")
            report.flush()
            return tuple(tally([report.name]).values())

    def ctest(self, output, status="run"):
        failure = "<failure/>" if status == "fail" else ""
        return (f'<testcase name="x" status="{status}">{failure}'
                f"<system-out>{output}</system-out></testcase>")

    def test_cmocka_cases_are_counted_one_by_one(self):
        self.assertEqual(self.count(self.ctest(TWO_PASSED)), (2, 0, 0))
        self.assertEqual(self.count(self.ctest(ONE_EACH, "fail")), (1, 1, 1))

    def test_two_groups_in_one_program_add_up(self):
        self.assertEqual(self.count(self.ctest(TWO_PASSED + ONE_EACH, "fail")), (3, 1, 1))

    def test_a_program_that_died_is_a_failure(self):
        self.assertEqual(self.count(self.ctest(DIED, "fail")), (1, 1, 0))

    def test_a_leak_after_the_last_case_is_a_failure(self):
        self.assertEqual(self.count(self.ctest(TWO_PASSED, "fail")), (2, 1, 0))

    def test_a_plain_program_is_one_case(self):
        self.assertEqual(self.count(self.ctest("")), (1, 0, 0))
        self.assertEqual(self.count(self.ctest("", "fail")), (0, 1, 0))

    def test_pytest_cases_are_counted(self):
        cases = ("<testcase name='a'/><testcase name='b'><failure/></testcase>"
                 "<testcase name='c'><error/></testcase><testcase name='d'><skipped/></testcase>")
        self.assertEqual(self.count(cases), (1, 2, 1))


if __name__ == "__main__":
    unittest.main()
