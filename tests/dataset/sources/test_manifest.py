"""A manifest names images and classes however it was saved; what is unclear is one line."""

import csv
import json
import re
import time

import pytest
from helpers import COLORS, draw_toy, encoded, photo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alexnet_cli.dataset.doctor import examine
from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.sources.class_folders import find_images
from alexnet_cli.dataset.sources.columns import READ
from alexnet_cli.dataset.sources.manifest import open_manifest
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import DatasetError
from alexnet_cli.recipe.recipe import Recipe

RECIPE = Recipe(arch="tiny", size=36, resize="crop")
ROWS = [("a.jpg", "cat"), ("b.jpg", "dog"), ("c.jpg", "cat"), ("d.jpg", "dog")]


@pytest.fixture
def folder(tmp_path):
    """a.jpg to d.jpg, each another image."""
    for i, (name, _) in enumerate(ROWS):
        (tmp_path / name).write_bytes(encoded(photo((60, 40), i), "JPEG"))
    return tmp_path


def written(folder, content, name="labels.csv", encoding="utf-8"):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return file


def table(header="file,label", rows=ROWS, delimiter=","):
    lines = [header] if header else []
    return "\n".join([*lines, *(delimiter.join(x) for x in rows)]) + "\n"


def pairs(source):
    return [(x.name, source.classes[x.label]) for x in source.samples]


def refused(file, text, **kwargs):
    with pytest.raises(DatasetError) as caught:
        open_manifest(file, **kwargs)
    assert str(caught.value) == f"{file}{text}", str(caught.value)


PLAIN = table()
OBJECTS = "".join(f'{{"file_name": "{x}", "label": "{y}"}}\n' for x, y in ROWS)


@pytest.mark.parametrize(
    "name,content",
    [
        ("a.csv", PLAIN),
        ("a.CSV", PLAIN),
        ("no end of the last line.csv", PLAIN.rstrip("\n")),
        ("crlf.csv", PLAIN.replace("\n", "\r\n")),
        ("old mac.csv", PLAIN.replace("\n", "\r")),
        ("bom.csv", "\ufeff" + PLAIN),
        ("bom and quotes.csv", '\ufeff"file","label"\r\n' + table("")),
        ("semicolons.csv", table("file;label", delimiter=";")),
        ("tabs.csv", table("file\tlabel", delimiter="\t")),
        ("bars.csv", table("file|label", delimiter="|")),
        ("a.tsv", table("file\tlabel", delimiter="\t")),
        ("a.txt", table("", delimiter=" ")),
        ("tabs.txt", table("", delimiter="\t")),
        ("no header.csv", table("")),
        ("no header, semicolons.csv", table("", delimiter=";")),
        ("spaces.csv", table(" file , label ", delimiter=" ,  ")),
        ("quoted.csv", 'file,label\n"a.jpg","cat"\n"b.jpg",dog\nc.jpg,"cat"\nd.jpg,dog\n'),
        ("blank lines.csv", "\n\n" + PLAIN.replace("\n", "\n\n\n")),
        ("empty cells.csv", table("file,label,,", [(*x, "", "") for x in ROWS])),
        ("excel.csv", "sep=;\r\n" + table("file;label", delimiter=";")),
        ("backslashes.csv", table(rows=[(f".\\{x}", y) for x, y in ROWS])),
        ("dots.csv", table(rows=[(f"./{x}", y) for x, y in ROWS])),
        ("order.csv", table("class,path", [(y, x) for x, y in ROWS])),
        ("extra.csv", table("index,file,label,width", [("0", *x, "60") for x in ROWS])),
        ("pandas.csv", table(",file,label", [(str(i), *x) for i, x in enumerate(ROWS)])),
        ("a.jsonl", OBJECTS),
        ("a.ndjson", OBJECTS.replace("\n", "\r\n")),
        ("order.jsonl", "".join(json.dumps({"y": y, "path": x}) + "\n" for x, y in ROWS)),
        ("bom.jsonl", "\ufeff" + OBJECTS),
    ],
)  # fmt: skip
def test_a_table_is_read_however_it_was_saved(folder, name, content):
    assert pairs(open_manifest(written(folder, content, name))) == ROWS


def test_utf_16_with_its_mark_is_read(folder):
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        mark = "" if encoding == "utf-16" else "\ufeff"
        text = mark + table("file\tlabel", delimiter="\t")
        assert pairs(open_manifest(written(folder, text, "u.txt", encoding))) == ROWS


@pytest.mark.parametrize(
    "header",
    [
        "file,label", "FILE,Class", "path,category", "image,target", "filename,labels",
        "filepath,class_name", "image_path,class", "Image Path,Class Label", "img,breed",
        "file_name,species", "image-file,categories", "id,breed", "image_id,label",
        "relative_path,y", "img_name,what_it_is", "picture_no,label",
    ],
)  # fmt: skip
def test_usual_names_of_columns_are_known(folder, header):
    assert pairs(open_manifest(written(folder, table(header)))) == ROWS


def test_a_column_that_only_can_be_the_one_is_taken_with_a_note(folder):
    source = open_manifest(written(folder, table("file,animal")))
    assert source.notes == ("column 'animal' is taken to name the class",)


@pytest.mark.parametrize(
    "content,text",
    [
        ("", " is empty"),
        ("\n \n", " is empty"),
        ("file,label\n", " names no image with a label; it has a header and no rows"),
        ("file,label\na.jpg\n", ", line 2: 1 column(s), not 2; complete the row"),
        ("file,label\n\na,b.jpg,cat\n", ", line 3: 3 columns, not 2; put a name that holds a delimiter in quotes"),
        ("file,label\n,cat\n", ", line 2: no file is named, but ''"),
        ("file,label,split\na.jpg,cat,3\n", ", line 2: part '3' is none of train, val and test; write these into a column called split, or leave it out: --folds and --fold make folds"),
        ("file,label,split\na.jpg,cat,\n", ", line 2: part '' is none of train, val and test; write one of them, or leave the row out"),
        ("file,class,label\na.jpg,1,cat\n", ", line 1: several columns could name the class: class, label; leave one, or rename"),
        ("file,path,label\na.jpg,x,cat\n", ", line 1: several columns could name the image: file, path; leave one, or rename"),
        ("file,split,subset,label\na.jpg,train,x,cat\n", ", line 1: several columns could name the part: split, subset; leave one, or rename"),
        ("file,cat,dog\na.jpg,1,0\n", ", line 1: one-hot labels, a column for each class (cat, dog), are not read; write the name of the class into one column called label"),
        ("image,a,b,c,d,e,f,g\na.jpg,0.0,1.0,0,0,0,0,0\n", ", line 1: one-hot labels, a column for each class (a, b, c, d, e, ...), are not read; write the name of the class into one column called label"),
        ("file,width,height\na.jpg,60,40\n", ", line 1: no column names the class among width, height; call the one that does label; names that are read are {read}"),
        ("file\na.jpg\n", ", line 1: no column names the class; call the one that does label; names that are read are {read}"),
        ("a.jpg,cat,extra\n", ", line 1: neither a header nor an image and its class; let the first line be file,label or file,label,split; names of columns that are read are {read}"),
        ("photo_no,animal\na.jpg,cat\nb.jpg,dog\n", ", line 1: 'photo_no' is neither a file nor the usual name of a column; let the first line be file,label or file,label,split; names of columns that are read are {read}"),
        ("file,label\nhttps://x.org/a.jpg,cat\n", ", line 2: 'https://x.org/a.jpg' is a URL, and only files are read; download it"),
        ("file,label\ns3://bucket/a.jpg,cat\n", ", line 2: 's3://bucket/a.jpg' is a URL, and only files are read; download it"),
        ('file,label\n"a.jpg,cat\nb.jpg,dog\n', ", line 3: unexpected end of data; are all quotes closed, and doubled within a name?"),
        ('file,label\n"a"b.jpg,cat\n', ", line 2: ',' expected after '\"'; are all quotes closed, and doubled within a name?"),
        ("file,label\na.jpg,cat\n", " has only one class, 'cat'; a classifier needs at least two"),
        ("file,label\na.jpg,0.25\nb.jpg,0.5\n", ": labels are numbers with fractions, such as 0.25; a classifier learns classes, not measurements"),
        ("file,label\nx.jpg,cat\ny.jpg,dog\n", ": none of its files can be used; the first, 'x.jpg', does not exist (line 2); paths are relative to {folder}"),
        ("file,label,split\na.jpg,cat,test\nb.jpg,dog,test\n", " has no image of the train part"),
        ("file,label,split\na.jpg,cat,train\nb.jpg,dog,train\nc.jpg,cow,val\n", ": its val part has a class 'cow' that the train part lacks"),
        ("file,label\na.jpg,na\udcefve\nb.jpg,dog\n", ", line 2: na\\xefve is not UTF-8 text; save it as UTF-8"),
        ("file,label\nna\udcefve.jpg,cat\nb.jpg,dog\n", ", line 2: na\\xefve.jpg is not UTF-8 text; save it as UTF-8"),
        ("f\0i\0l\0e\0,\0", " has zero bytes: it is no text, or UTF-16 or UTF-32 without a mark of it; save it as UTF-8"),
    ],
)  # fmt: skip
def test_what_is_unclear_is_one_line_with_its_place(folder, content, text):
    file = written(folder, content.encode("utf-8", "surrogateescape"))
    refused(file, text.format(folder=folder, read=READ))


@pytest.mark.parametrize(
    "content,text",
    [
        ('{"file": "a.jpg", "label": ["cat", "dog"]}', ", line 1: one image has one label, not \"['cat', 'dog']\""),
        ('{"file": "a.jpg", "label": {"x": 1}}', ", line 1: one image has one label, not \"{'x': 1}\""),
        ('{"file": 7, "label": "cat"}', ", line 1: no file is named, but 7"),
        ('\n{"file": "a.jpg", "label": "cat"', ", line 2: no JSON object: Expecting ',' delimiter"),
        ('"a.jpg"', ", line 1: no JSON object, but '\"a.jpg\"'"),
        ('[{"file": "a.jpg", "label": "cat"}]', ", line 1: an array; write one JSON object per line"),
        ('{"file": "a.jpg"}', ", line 1: no column names the class; call the one that does label; names that are read are {read}"),
        ('{"file": "a.jpg", "label": "x\\ud800"}', ", line 1: x\\ud800 is not UTF-8 text; save it as UTF-8"),
        ('{"a":' * 100_000, None),
    ],
)  # fmt: skip
def test_json_lines_that_are_unclear_are_one_line(folder, content, text):
    file = written(folder, content + "\n", "a.jsonl")
    if text is None:
        with pytest.raises(DatasetError, match=r", line 1: no JSON object"):
            open_manifest(file)
    else:
        refused(file, text.replace("{read}", READ))


def test_what_is_no_file_is_one_line(tmp_path):
    refused(tmp_path / "gone.csv", ": No such file or directory")
    (tmp_path / "folder.csv").mkdir()
    refused(tmp_path / "folder.csv", ": Is a directory")


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1)
        .map(lambda x: f"x{x}x.jpg").filter(lambda x: len(x.encode()) < 200),
        min_size=2, max_size=6, unique=True,
    ),
    st.sampled_from(["excel", "excel-tab", "unix"]),
    st.sampled_from(["file,class", ""]),
)  # fmt: skip
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_pythons_writer_writes_is_read_back(
    tmp_path_factory, names, dialect, header
):
    folder = tmp_path_factory.mktemp("names")
    rows = [(name, "odd" if i % 2 else "even") for i, name in enumerate(names)]
    for name in names:
        (folder / name).touch()
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, dialect)
        writer.writerows([header.split(",")] if header else [])
        writer.writerows(rows)
    assert pairs(open_manifest(folder / "labels.csv")) == rows


def test_missing_files_are_bad_ones_not_the_end(folder):
    file = written(folder, PLAIN + "gone.jpg,cat\nC:\\pics\\x.jpg,dog\n")
    data = prepare(open_manifest(file), RECIPE)
    assert [(x.file, x.reason) for x in data.bad] == [
        ("gone.jpg", "does not exist (line 6)"),
        ("C:/pics/x.jpg", "does not exist: it is a path of another machine (line 7)"),
    ]
    assert len(data.split) == 4


def test_rows_that_are_odd_are_noted(folder):
    file = written(folder, PLAIN + "a.jpg,cat\n./b.jpg,dog\nc.jpg,\nd.jpg,cat\n")
    source = open_manifest(file)
    assert source.notes == (
        "left out: 1 row(s), the first on line 8: without a label; write one to use",
        "left out: 2 row(s), the first on line 6: that say what a row before says",
        "1 file(s) stand under two labels and are used under both, the first on line 9: 'd.jpg'",
    )
    found = examine(file)
    assert found.two_labels == (("d.jpg", "d.jpg"),) and found.wrong


def test_a_file_in_two_parts_is_found(folder):
    rows = [(*x, "train") for x in ROWS] + [("a.jpg", "cat", "test")]
    found = examine(written(folder, table("file,label,split", rows)))
    assert found.two_parts == (("a.jpg", "a.jpg"),)


def test_paths_may_leave_the_folder_with_a_note(folder):
    (folder / "lists").mkdir()
    rows = [("../a.jpg", "cat"), (str(folder / "b.jpg"), "dog"), ("c.jpg", "cat")]
    file = written(folder / "lists", table(rows=rows))
    source = open_manifest(file)
    assert pairs(source) == rows
    assert source.notes == ("2 file(s) stand outside its folder, and are used",)
    assert source.read(source.samples[0]) == (folder / "a.jpg").read_bytes()
    assert source.read(source.samples[1]) == (folder / "b.jpg").read_bytes()


@pytest.mark.parametrize(
    "values,parts",
    [
        (("train", "val", "test"), ("train", "val", "test")),
        (("TRAINING", "Validation", "Testing"), ("train", "val", "test")),
        (("Train", "valid", "TEST"), ("train", "val", "test")),
        (("train", "dev", "eval"), ("train", "val", "test")),
        (("train", "train", "test"), ("train", "test")),
        (("train", "train", "train"), ("train",)),
    ],
)
def test_parts_have_the_names_that_folders_have(folder, values, parts):
    every = (*values, values[0])
    # Of both classes in train.
    rows = [
        (*x, y) for x, y in zip([ROWS[0], ROWS[1], ROWS[2], ROWS[3]], every, strict=True)
    ]
    source = open_manifest(written(folder, table("file,label,split", rows)))
    assert source.parts == parts
    where = {x.name: x.part for x in source.samples}
    assert where["a.jpg"] == where["d.jpg"] == "train"
    assert source.counts("train") == [
        sum(p == "train" and c == kind for (_, c), p in zip(ROWS, map(where.get, dict(ROWS)), strict=True))
        for kind in ("cat", "dog")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "column,yes,no,part",
    [
        ("is_valid", "True", "False", "val"), ("is_val", "1", "0", "val"),
        ("Is Valid", "yes", "no", "val"), ("isValidation", "TRUE", "FALSE", "val"),
        ("test", "1", "0", "test"), ("val", "True", "False", "val"),
        ("is_test", "1.0", "0.0", "test"), ("is_valid", "valid", "train", "val"),
    ],
)  # fmt: skip
def test_columns_that_say_yes_or_no_are_parts(folder, column, yes, no, part):
    """As fastai's and pandas' tables have them."""
    rows = [(*x, y) for x, y in zip(ROWS, (no, no, yes, yes), strict=True)]
    source = open_manifest(written(folder, table(f"file,label,{column}", rows)))
    assert source.parts == ("train", part)
    assert source.counts("train") == source.counts(part) == [1, 1]
    objects = "".join(
        json.dumps({"file": x, "label": y, column: i > 1}) + "\n"
        for i, (x, y) in enumerate(ROWS)
    )
    assert open_manifest(written(folder, objects, "a.jsonl")).counts(part) == [1, 1]


@pytest.mark.parametrize(
    "content,text",
    [
        ("file,label,is_valid\na.jpg,cat,maybe\n", ", line 2: 'maybe' is neither true nor false"),
        ("file,label,is_valid,split\na.jpg,cat,1,val\n", ", line 1: several columns could name the part: is_valid, split; leave one, or rename"),
        ("file,label,fold\na.jpg,cat,0\nb.jpg,dog,1\n", ", line 2: part '0' is none of train, val and test; write these into a column called split, or leave it out: --folds and --fold make folds"),
        ("file,label,kfold\na.jpg,cat,4\nb.jpg,dog,1\n", ", line 2: part '4' is none of train, val and test; write these into a column called split, or leave it out: --folds and --fold make folds"),
        ("file,label,is_train\na.jpg,cat,False\n", ", line 2: part 'False' is none of train, val and test; write these into a column called split, or leave it out: --folds and --fold make folds"),
        ("file,label,set\na.jpg,cat,unlabeled\n", ", line 2: part 'unlabeled' is none of train, val and test; write one of them, or leave the row out"),
        ("file^label\na.jpg^cat\n", ", line 1: one column only, 'file^label'; separate columns with commas, semicolons, tabs (in .tsv only these) or |"),
        ("file label\na.jpg cat\n", ", line 1: one column only, 'file label'; separate columns with commas, semicolons, tabs (in .tsv only these) or |"),
        ("file,label\n'a.jpg',cat\n'b.jpg',dog\n", ": none of its files can be used; the first, \"'a.jpg'\", does not exist (line 2); take the single quotes away, or make them double ones"),
        ("file,label\n/data/me/deep/a.jpg,cat\n/data/me/deep/b.jpg,dog\n", ": none of its files can be used; the first, '/data/me/deep/a.jpg', does not exist (line 2); write paths from {folder} on, as 'deep/a.jpg'"),
        ("file,label\nC:\\me\\deep\\a.jpg,cat\n", ": none of its files can be used; the first, 'C:/me/deep/a.jpg', does not exist: it is a path of another machine (line 2); write paths from {folder} on, as 'deep/a.jpg'"),
        ("file,label\na.jpg,\nb.jpg,\n", " names no image with a label"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_says_what_to_write(folder, content, text):
    (folder / "deep").mkdir()
    (folder / "a.jpg").rename(folder / "deep" / "a.jpg")
    refused(written(folder, content), text.format(folder=folder))


def test_a_column_called_test_may_be_something_else(folder):
    rows = [(*x, y) for x, y in zip(ROWS, ("blood", "blood", "skin", "1"), strict=True)]
    source = open_manifest(written(folder, table("file,label,test", rows)))
    assert source.parts == ("train",) and pairs(source) == ROWS


def test_a_column_of_folds_beside_one_of_parts_says_nothing(folder):
    rows = [
        (*x, y, "3") for x, y in zip(ROWS, ("train", "train", "val", "val"), strict=True)
    ]
    source = open_manifest(written(folder, table("file,label,split,fold", rows)))
    assert source.parts == ("train", "val")


def test_a_missing_file_is_told_from_one_in_other_letters(folder):
    file = written(folder, PLAIN + "E.JPG,cat\nf.jpg,dog\n")
    (folder / "e.jpg").write_bytes(encoded(photo(), "JPEG"))
    bad = {x.file: x.reason for x in prepare(open_manifest(file), RECIPE).bad}
    assert bad == {
        "E.JPG": "does not exist: only 'e.jpg' does, in other letters (line 6)",
        "f.jpg": "does not exist (line 7)",
    }


def test_a_label_that_is_no_number_is_none(folder):
    """As pandas writes it where there is none."""
    source = open_manifest(written(folder, PLAIN + "a.jpg,NaN\nb.jpg,<NA>\n"))
    assert source.classes == ("cat", "dog")
    assert "left out: 2 row(s), the first on line 6: without a label" in source.notes[0]


def test_three_columns_without_a_header_may_have_parts(folder):
    rows = [(*x, "train") for x in ROWS[:3]] + [(*ROWS[3], "val")]
    source = open_manifest(written(folder, table("", rows)))
    assert source.parts == ("train", "val") and pairs(source) == ROWS


def test_classes_choose_and_order(folder):
    (folder / "e.jpg").write_bytes(encoded(photo(), "JPEG"))
    file = written(folder, PLAIN + "e.jpg,cow\n")
    assert open_manifest(file).classes == ("cat", "cow", "dog")
    chosen = open_manifest(file, ("dog", "cat"))
    assert chosen.classes == ("dog", "cat") and pairs(chosen) == ROWS
    refused(file, " has no class 'dgo'; did you mean 'dog'?", classes=("dgo", "cat"))


def test_numbers_are_ordered_by_value_and_named_by_a_list_beside(folder):
    rows = [("a.jpg", "10"), ("b.jpg", "2"), ("c.jpg", "10.0"), ("d.jpg", "2")]
    file = written(folder, table(rows=rows))
    assert open_manifest(file).classes == ("2", "10")
    written(folder, "".join(f"name{i}\n" for i in range(11)), "classes.txt")
    source = open_manifest(file)
    assert source.classes == ("name2", "name10")
    assert source.notes == (
        "labels are numbers, named by classes.txt: 2 is 'name2', 10 is 'name10'",
    )
    written(folder, "one\ntwo\n", "classes.txt")
    with pytest.raises(DatasetError) as caught:
        open_manifest(file)
    assert str(caught.value) == (
        f"{folder}/classes.txt names 2 classes, but there is a label 2; correct it, or "
        f"give it another name"
    )


def test_labels_differ_by_case_with_a_note_and_not_by_normal_form(folder):
    rows = [
        ("a.jpg", "nai\u0308ve"),
        ("b.jpg", "na\u00efve"),
        ("c.jpg", "Dog"),
        ("d.jpg", "dog"),
    ]
    source = open_manifest(written(folder, table(rows=rows)))
    assert source.classes == ("Dog", "dog", "na\u00efve")
    assert source.notes == ("classes 'Dog' and 'dog' differ only in case",)


def test_ids_and_names_are_found_in_a_folder_beside(tmp_path):
    """As Kaggle packs it: labels.csv of id,breed beside train/ and test/."""
    data = draw_toy(tmp_path / "drawn", each=3)
    (tmp_path / "train").mkdir()
    rows = []
    for i, file in enumerate(sorted(data.glob("*/*"))):
        name = f"{i:03}f{file.suffix}"
        (tmp_path / "train" / name).write_bytes(file.read_bytes())
        rows.append((name, file.parent.name))
    by_id = written(
        tmp_path, table("id,breed", [(x.partition(".")[0], y) for x, y in rows])
    )
    source = open_manifest(by_id)
    assert pairs(source) == [(f"train/{x}", y) for x, y in rows]
    assert "9 file(s) were found in 'train/'" in source.notes
    by_name = written(tmp_path, table("image,label", rows), "names.csv")
    assert pairs(open_manifest(by_name)) == pairs(source)
    # Where two could be meant, neither is.
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "000f.png").write_bytes(b"x")
    data = prepare(open_manifest(by_id), RECIPE)
    assert [(x.file, x.reason) for x in data.bad] == [
        ("000f", f"could be test/000f.png or train/{rows[0][0]} (line 2)")
    ]


def test_names_of_another_normal_form_are_found(folder):
    (folder / "a.jpg").rename(folder / "nai\u0308ve.jpg")
    file = written(folder, PLAIN.replace("a.jpg", "na\u00efve.jpg"))
    assert open_manifest(file).samples[0].name == "nai\u0308ve.jpg"


def test_names_that_are_not_utf_8_are_read_where_there_is_such_a_file(folder):
    (folder / "a.jpg").rename(folder / "a\udcff.jpg")
    file = written(
        folder, PLAIN.replace("a.jpg", "a\udcff.jpg").encode("utf-8", "surrogateescape")
    )
    source = open_manifest(file)
    assert source.samples[0].name == "a\udcff.jpg" and source.read(source.samples[0])


def test_the_same_images_split_as_from_folders(tmp_path):
    data = draw_toy(tmp_path / "d")
    rows = [
        (x.relative_to(tmp_path).as_posix(), x.parent.name)
        for x in sorted(data.glob("*/*"))
    ]
    source = open_source(written(tmp_path, table(rows=rows)))
    assert source.classes == tuple(COLORS) and source.parts == ("train",)
    one, other = (
        {(x.sha256, x.label, x.part, x.group) for x in prepare(s, RECIPE).split}
        for s in (source, find_images(data))
    )
    assert one == other


@pytest.mark.slow
def test_time_grows_as_the_rows_do(tmp_path):
    for i in range(1000):
        (tmp_path / f"{i}.jpg").touch()

    def seconds(count):
        # Half of the rows say what another has said; most name no file.
        rows = [(f"{i % (count // 2)}.jpg", "ab"[i % 2]) for i in range(count)]
        file = written(tmp_path, table(rows=rows))
        started = time.process_time()
        open_manifest(file)
        return time.process_time() - started

    small, large = seconds(20_000), seconds(200_000)
    assert large < 20 * small, (small, large)


def test_no_message_has_a_raw_control_character(folder):
    content = "file,label\na.jpg,cat\x1b[31m\nb.jpg,dog\r\n"
    source = open_manifest(written(folder, content))
    assert source.classes[0] == "cat\x1b[31m"
    refused_text = written(folder, "file,label\nhttp://x\x1b[31m,cat\n")
    with pytest.raises(DatasetError) as caught:
        open_manifest(refused_text)
    assert re.fullmatch(r"[ -~]+", str(caught.value).replace(str(folder), ""))
