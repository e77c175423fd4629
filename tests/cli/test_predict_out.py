"""`alexnet predict --out` writes what --csv prints."""

from helpers import alexnet, fails


def test_the_file_is_what_csv_prints(trained, toy_test, tmp_path):
    out = tmp_path / "new" / "p.csv"
    printed = alexnet("predict", "--model", trained, toy_test, "--csv")
    result = alexnet("predict", "--model", trained, toy_test, "--out", out)
    assert result.exit_code == 0 and result.stdout == f"{out}: 12 images\n"
    assert out.read_text("utf-8") == printed.stdout
    missing = fails(1, "1 image(s) cannot be read", "predict", "--model", trained, toy_test / "no", toy_test, "--out", out)  # fmt: skip
    assert missing.stdout == f"{out}: 13 images\n"


def test_what_does_not_go_together_is_refused(trained, toy_test, tmp_path):
    out, same = tmp_path / "p.csv", ("predict", "--model", trained, toy_test)
    fails(2, "--resume has no effect without --out", *same, "--resume")
    fails(2, "--json cannot be given with --out", *same, "--json", "--out", out)
    fails(2, "--draw cannot be given with", *same, "--draw", tmp_path / "d", "--out", out)
    fails(2, "no file that ends in", *same, "--out", tmp_path / "p.txt")
    fails(2, "is a file of", *same, "--out", trained / "history.csv")
    fails(2, "no file that ends in", *same, "--out", "/dev/stdout")
    assert not out.exists()
