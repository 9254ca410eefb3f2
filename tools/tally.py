"""Runs the tests of the calling script and ends with 'N passed, N failed', as tools/test.py reads it."""
import unittest


def main():
    tests = unittest.defaultTestLoader.loadTestsFromName("__main__")
    outcome = unittest.TextTestRunner(verbosity=0).run(tests)
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - failed} passed, {failed} failed")
    raise SystemExit(failed != 0)
