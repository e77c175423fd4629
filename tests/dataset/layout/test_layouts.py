"""Public data sets as they are unpacked: the right classes, or one line that says what is right.

Each layout is that of a data set people download, with one or two images per class.
"""

import re
import shlex
import shutil
import zipfile

import pytest
from helpers import encoded, photo

from alexnet_cli.dataset.class_names import classes_option, order, read_classes
from alexnet_cli.dataset.doctor import examine
from alexnet_cli.dataset.layout.folders import find_parts, scan
from alexnet_cli.dataset.sources.class_folders import chosen_parts, find_images
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import DatasetError

JPEG = encoded(photo((64, 64)), "JPEG")
NOTHING = b"<annotation></annotation>"


def lay_out(root, *lines):
    """Files below `root`: "a/{b,c}/x.jpg" is two of them; .jpg and .png are images."""
    for line in lines:
        for name in _expanded(line):
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            image = file.suffix.lower() in (".jpg", ".jpeg", ".png", ".tif", ".ppm")
            file.write_bytes(JPEG if image else NOTHING)
    return root


def packed(folder):
    """A zip archive of what is in `folder`, beside it."""
    archive = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(archive, "w") as out:
        for file in sorted(x for x in folder.rglob("*") if x.is_file()):
            out.write(file, file.relative_to(folder))
    return archive


@pytest.fixture(params=["folder", "zip"])
def kind(request):
    """Whether a data set is a folder, or a zip archive of it."""
    return request.param


def data_set(tmp_path, kind, files):
    """The data set of `files`, and the folder of it."""
    folder = lay_out(tmp_path / "data", *files)
    return (packed(folder) if kind == "zip" else folder), folder


def _expanded(line):
    head, brace, rest = line.partition("{")
    if not brace:
        return [line]
    choices, _, tail = rest.partition("}")
    return [y for x in choices.split(",") for y in _expanded(f"{head}{x}{tail}")]


TUMORS = "{glioma,meningioma,notumor,pituitary}"
SCENES = "{buildings,forest,glacier,mountain,sea,street}"
BLOOD = "{EOSINOPHIL,LYMPHOCYTE,MONOCYTE,NEUTROPHIL}"
RIGHT = {
    # name: (files, {part: classes}, words in the notes)
    "brain MRI": (
        [f"Training/{TUMORS}/Tr-gl_0010.jpg", f"Testing/{TUMORS}/Te-gl_0010.jpg"],
        {"train": ("glioma", "meningioma", "notumor", "pituitary"), "test": 4}, (),
    ),
    "Keras tutorial": (
        ["training_set/{cats,dogs}/1.jpg", "test_set/{cats,dogs}/2.jpg"],
        {"train": ("cats", "dogs"), "test": 2}, (),
    ),
    "Intel images, unpacked flat": (
        [f"seg_train/{SCENES}/1.jpg", f"seg_test/{SCENES}/2.jpg", "seg_pred/{1,2,3}.jpg"],
        {"train": ("buildings", "forest", "glacier", "mountain", "sea", "street"), "test": 6},
        ("'seg_pred/': 3 file(s) without class folders; `alexnet predict` names them",),
    ),
    "birds": (
        [
            "{train,valid,test}/{ABBOTTS BABBLER,ALBATROSS}/1.jpg", "images to predict/{1,2}.jpg",
            "birds.csv", "EfficientNetB0-525-(224 X 224)- 98.97.h5",
        ],
        {"train": ("ABBOTTS BABBLER", "ALBATROSS"), "val": 2, "test": 2},
        ("'images to predict/': 2 file(s) without class folders", "'EfficientNetB0-525-(224 X 224)- 98.97.h5', 'birds.csv': beside the parts"),
    ),
    "blood cells": (
        [f"{{TRAIN,TEST,TEST_SIMPLE}}/{BLOOD}/_0_5239.jpeg"],
        {"train": ("EOSINOPHIL", "LYMPHOCYTE", "MONOCYTE", "NEUTROPHIL"), "test": 4},
        ("'TEST_SIMPLE/': 'TEST/' is the test part; --train, --val and --test name other folders",),
    ),
    "chest X-rays, with the copy within": (
        [
            "{train,val,test}/{NORMAL,PNEUMONIA}/1.jpeg",
            "chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/1.jpeg",
            "chest_xray/{train,test}/.DS_Store", "__MACOSX/chest_xray/._train",
        ],
        {"train": ("NORMAL", "PNEUMONIA"), "val": 2, "test": 2},
        ("'chest_xray/': neither a part nor a class; used are train/, val/, test/",),
    ),
    "fruits-360": (
        [
            "Training/{Apple Braeburn,Banana}/0_100.jpg", "Test/{Apple Braeburn,Banana}/1_100.jpg",
            "test-multiple_fruits/{apple_1,fruits2}.jpg", "papers/a.pdf", "LICENSE", "readme.md",
        ],
        {"train": ("Apple Braeburn", "Banana"), "test": 2},
        ("'test-multiple_fruits/': 2 file(s) without class folders",),
    ),
    "tiny-imagenet": (
        [
            "train/{n01443537,n01629819,n01641577}/images/n_0.JPEG",
            "train/{n01443537,n01629819,n01641577}/n_boxes.txt", "val/images/val_0.JPEG",
            "val/val_annotations.txt", "test/images/test_0.JPEG", "wnids.txt", "words.txt",
        ],
        {"train": ("n01443537", "n01629819", "n01641577")},
        ("'test/', 'val/': 1 file(s) without class folders",),
    ),
    "ImageNet with wnids": (
        ["train/{n01440764,n01443537}/n_1.JPEG", "val/{n01440764,n01443537}/v_1.JPEG"],
        {"train": ("n01440764", "n01443537"), "val": 2}, (),
    ),
    "Caltech-256": (
        ["{001.ak47,002.american-flag,010.beer-mug,257.clutter}/001_0001.jpg"],
        {"train": ("001.ak47", "002.american-flag", "010.beer-mug", "257.clutter")}, (),
    ),
    "STL-10 as images": (
        ["train/{airplane,bird,car}/1.png", "test/{airplane,bird,car}/1.png", "unlabeled/{1,2}.png"],
        {"train": ("airplane", "bird", "car"), "test": 3}, ("'unlabeled/': 2 file(s)",),
    ),
    "EuroSAT": (
        ["{AnnualCrop,Forest,SeaLake}/{1,2}.jpg", "label_map.json", "train.csv"],
        {"train": ("AnnualCrop", "Forest", "SeaLake")}, ("'label_map.json', 'train.csv': beside the class folders, and not an image",),
    ),
    "cats_and_dogs_filtered": (
        ["{train,validation}/{cats,dogs}/1.jpg", "vectorize.py"],
        {"train": ("cats", "dogs"), "val": 2}, (),
    ),
    "plant seedlings": (
        ["train/{Black-grass,Charlock}/1.png", "test/{a,b,c}.png", "sample_submission.csv"],
        {"train": ("Black-grass", "Charlock")}, ("'test/': 3 file(s) without class folders",),
    ),
    "flower photos": (
        ["{daisy,roses,tulips}/1.jpg", "LICENSE.txt"],
        {"train": ("daisy", "roses", "tulips")}, ("'LICENSE.txt': beside the class folders",),
    ),
    "hymenoptera": (
        ["{train,val}/{ants,bees}/1.jpg"], {"train": ("ants", "bees"), "val": 2}, (),
    ),
    "GTSRB": (
        ["{00000,00001,00014}/00000_00000.ppm", "00000/GT-00000.csv", "00001/GT-00001.csv", "00014/GT-00014.csv"],
        {"train": ("00000", "00001", "00014")}, ("'00000/GT-00000.csv', '00001/GT-00001.csv', '00014/GT-00014.csv': not an image",),
    ),
    "COVID radiography": (
        ["{COVID,Normal,Viral Pneumonia}/{images,masks}/1.png", "COVID.metadata.xlsx"],
        {"train": ("COVID", "Normal", "Viral Pneumonia")}, ("'COVID/masks/', 'Normal/masks/', 'Viral Pneumonia/masks/': beside a folder",),
    ),
    "LFW": (
        ["{Aaron_Eckhart,Abdullah_Gul}/1.jpg"], {"train": ("Aaron_Eckhart", "Abdullah_Gul")}, (),
    ),
    "scenes in a hierarchy": (
        ["{indoor/kitchen,indoor/bathroom,outdoor/beach,outdoor/forest}/1.jpg"],
        {"train": ("indoor", "outdoor")}, (),
    ),
    "alexnet sample": (
        ["photos/{daisy,fish,house}/1.jpg", "Test_set/{daisy,fish,house}/2.jpg"],
        {"train": ("daisy", "fish", "house"), "test": 3}, (),
    ),
    "train_data and test-data": (
        ["train_data/{a,b}/1.jpg", "test-data/{a,b}/1.jpg", "val/labels.csv"],
        {"train": ("a", "b"), "test": 2}, ("'val/': no images in it",),
    ),
    "Training Set and Validation Set": (
        ["Training Set/{a,b}/1.jpg", "Validation Set/{a,b}/1.jpg", "holdout/readme.txt"],
        {"train": ("a", "b"), "val": 2}, (),
    ),
    "imgs_train, imgs-dev": (
        ["imgs_train/{a,b}/1.jpg", "imgs-dev/{a,b}/1.jpg"], {"train": ("a", "b"), "val": 2}, (),
    ),
    "New Plant Diseases Dataset, from its top": (
        [
            "{train,valid}/{Apple___Apple_scab,Tomato___healthy}/1.JPG",
            "test/test/{AppleCedarRust1,PotatoHealthy1}.JPG",
        ],
        {"train": ("Apple___Apple_scab", "Tomato___healthy"), "val": 2},
        ("'test/': 2 file(s) without class folders",),
    ),
    "chest X-rays from Kaggle's zip, with the copies within": (
        [
            "chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/1.jpeg",
            "chest_xray/__MACOSX/chest_xray/{train,val}/{._NORMAL,._PNEUMONIA}",
            "chest_xray/chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/1.jpeg",
            "{train,val,test}/{NORMAL,PNEUMONIA}/1.jpeg", "__MACOSX/._chest_xray",
        ],
        {"train": ("NORMAL", "PNEUMONIA"), "val": 2, "test": 2},
        ("'chest_xray/': neither a part nor a class",),
    ),
    "dogs vs cats redux, sorted": (
        ["train/{cat,dog}/1.jpg", "test1/{1,2}.jpg", "sampleSubmission.csv"],
        {"train": ("cat", "dog")}, ("'test1/': 2 file(s) without class folders",),
    ),
    "a garbage classification beside its lists": (
        ["{cardboard,glass,trash}/1.jpg", "{zero,one}-indexed-files.txt", "one-indexed-files-notrash_{train,val}.txt"],
        {"train": ("cardboard", "glass", "trash")},
        ("'one-indexed-files-notrash_train.txt', 'one-indexed-files-notrash_val.txt', 'one-indexed-files.txt' and 1 more: beside",),
    ),
    "a class called train beside one in folders": (
        ["bus/{city,school}/1.jpg", "train/1.jpg"], {"train": ("bus", "train")}, (),
    ),
    "a class called train": (
        ["{bus,train,tram}/1.jpg"], {"train": ("bus", "train", "tram")}, (),
    ),
    "classes with a flat test beside them": (
        ["{cats,dogs}/1.jpg", "test/{1,2}.jpg"], {"train": ("cats", "dogs")},
        ("'test/': 2 file(s) without class folders; --classes makes it a class",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_public_layouts_are_read_right(tmp_path, kind, name):
    files, parts, notes = RIGHT[name]
    found = open_source(data_set(tmp_path, kind, files)[0])
    assert found.classes == parts["train"]
    assert found.parts == tuple(parts)
    for part, count in parts.items():
        if part != "train":
            assert sum(found.counts(part)) == count
    assert all(found.counts("train"))
    for sample in found.samples:
        assert found.classes[sample.label] in sample.name.split("/")
        assert found.read(sample) == JPEG
    text = "\n".join(found.notes)
    for words in notes:
        assert words in text, text


WRONG = {
    # name: (files, the data folder, what the line says)
    "a training part beside what is unlabeled, in a folder": (
        ["train/{a,b}/{1,2}.jpg", "unlabeled/images/{1,2,3}.jpg"],
        "train beside the other folders holds class folders; use --data {0}/train, or --data {0} --classes train,unlabeled if they are classes",
    ),
    "a training part beside more class folders": (
        ["training_set/{a,b}/{1,2}.jpg", "extra/{c,d}/{1,2}.jpg"],
        "use --data {0}/training_set, or --data {0} --classes training_set,extra if they are classes",
    ),
    "parts within the class folders": (
        ["{cat,dog}/{train,test}/{1,2}.jpg"],
        "the class folders cat, dog hold the parts (test, train); put class folders into folders of the parts, as in test/cat",
    ),
    "two data sets, each with a training part alone": (
        ["x/train/{a,b}/1.jpg", "y/train/{c,d}/1.jpg"],
        "x is a data set of its own, with train/, and not a class; use --data {0}/x/train",
    ),
    "Intel images as Kaggle unpacks them": (
        [f"seg_train/seg_train/{SCENES}/1.jpg", f"seg_test/seg_test/{SCENES}/2.jpg", "seg_pred/seg_pred/1.jpg"],
        "use --train {0}/seg_train/seg_train --test {0}/seg_test/seg_test",
    ),
    "American sign language": (
        ["asl_alphabet_train/asl_alphabet_train/{A,B,del}/A1.jpg", "asl_alphabet_test/asl_alphabet_test/A_test.jpg"],
        "use --data {0}/asl_alphabet_train/asl_alphabet_train",
    ),
    "chest X-rays, one level up": (
        ["chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/1.jpeg"], "use --data {0}/chest_xray",
    ),
    "plantvillage in three variants": (
        ["{color,grayscale,segmented}/{Apple___scab,Apple___healthy,Corn}/1.jpg"],
        "color, grayscale, segmented hold folders of the same names (Apple___healthy, Apple___scab, Corn), "
        "so they are parts or variants, not classes; use --data {0}/color",
    ),
    "plantvillage with a copy within": (
        ["{Potato,Tomato,PlantVillage/Potato,PlantVillage/Tomato}/1.jpg"], "use --data {0}/PlantVillage, or --data {0} --classes Potato,Tomato",
    ),
    "Caltech-256 from the tar": (
        ["256_ObjectCategories/{001.ak47,002.flag}/1.jpg"], "use --data {0}/256_ObjectCategories",
    ),
    "Caltech-101 with annotations": (
        ["101_ObjectCategories/{accordion,anchor}/1.jpg", "Annotations/{accordion,anchor}/1.mat"],
        "use --data {0}/101_ObjectCategories",
    ),
    "Stanford dogs": (
        ["Images/{n02085620-Chihuahua,n02085782-Japanese_spaniel}/1.jpg",
         "Annotation/{n02085620-Chihuahua,n02085782-Japanese_spaniel}/n02085620_10074"],
        "use --data {0}/Images",
    ),
    "food-101": (
        ["images/{apple_pie,waffles}/1.jpg", "meta/{classes.txt,train.json}"], "use --data {0}/images",
    ),
    "animals-10": (
        ["raw-img/{cane,gatto}/1.jpeg", "translate.py"], "use --data {0}/raw-img",
    ),
    "EuroSAT with all bands": (
        ["{EuroSAT,EuroSATallBands}/{AnnualCrop,Forest}/1.tif"], "use --data {0}/EuroSAT (or",
    ),
    "EuroSAT from the zip": (["2750/{AnnualCrop,Forest}/1.jpg"], "use --data {0}/2750"),
    "Oxford pets, no class folders": (
        ["images/{Abyssinian_1,beagle_2}.jpg", "annotations/trimaps/Abyssinian_1.png", "annotations/xmls/a.xml"],
        "images/ hold images but no class folders; put the images of each class into a folder of its own",
    ),
    "dogs versus cats, flat": (
        ["train/{cat.0,dog.0}.jpg", "test1/1.jpg", "sampleSubmission.csv"],
        "test1/ and train/ hold images but no class folders; put the images of each class",
    ),
    "dogs versus cats, flat and wrapped": (
        ["train/train/{cat.0,dog.0}.jpg", "test1/test1/1.jpg"], "hold images but no class folders",
    ),
    "COCO": (
        ["train2017/1.jpg", "val2017/2.jpg", "annotations/a.json"], "hold images but no class folders",
    ),
    "Pascal VOC": (
        ["JPEGImages/1.jpg", "SegmentationClass/1.png", "Annotations/1.xml", "ImageSets/Main/a.txt"],
        "hold images but no class folders",
    ),
    "ILSVRC": (
        ["Data/CLS-LOC/{train,val}/{n01440764,n01443537}/1.JPEG", "Annotations/CLS-LOC/train/n01440764/1.xml",
         "ImageSets/CLS-LOC/train_cls.txt"],
        "use --data {0}/Data/CLS-LOC",
    ),
    "blood cells from the top": (
        [f"dataset2-master/dataset2-master/images/{{TRAIN,TEST}}/{BLOOD}/1.jpeg", "dataset-master/dataset-master/labels.csv"],
        "use --data {0}/dataset2-master/dataset2-master/images",
    ),
    "Office-31": (
        ["{amazon,dslr,webcam}/images/{back_pack,bike}/1.jpg"], "use --data {0}/amazon/images (or",
    ),
    "a folder of folds": (["fold_{1,2,3}/{benign,malignant}/1.png"], "use --data {0}/fold_1"),
    "rock paper scissors": (
        ["rps/rps/{paper,rock}/1.png", "rps-test-set/rps-test-set/{paper,rock}/1.png"],
        "use --train {0}/rps/rps --test {0}/rps-test-set/rps-test-set",
    ),
    "train in train": (["train/train/{cats,dogs}/1.jpg"], "use --data {0}/train/train"),
    "one level too high": (["flower_photos/{daisy,roses}/1.jpg"], "use --data {0}/flower_photos"),
    "parts one level too high, nested": (
        ["x/y/z/{train,test}/{a,b}/1.jpg"], "use --data {0}/x/y/z",
    ),
    "classes beside a train folder": (
        ["{cats,dogs}/1.jpg", "train/{cats,dogs}/2.jpg"], "use --data {0}/train, or --data {0} --classes cats,dogs",
    ),
    "train beside a folder to predict": (
        ["train/{cats,dogs}/1.jpg", "predict/{1,2}.jpg"], "use --data {0}/train, or",
    ),
    "New Plant Diseases Dataset": (
        [
            "New Plant Diseases Dataset(Augmented)/New Plant Diseases Dataset(Augmented)/{train,valid}/{Apple,Corn}/1.JPG",
            "test/test/{AppleCedarRust1,CornCommonRust1}.JPG",
        ],
        "use --data '{0}/New Plant Diseases Dataset(Augmented)/New Plant Diseases Dataset(Augmented)'",
    ),
    "casting products": (
        [
            "casting_data/casting_data/{train,test}/{def_front,ok_front}/1.jpeg",
            "casting_512x512/casting_512x512/{def_front,ok_front}/1.jpeg",
        ],
        "use --data {0}/casting_data/casting_data",
    ),
    "chest X-rays one level up, with the copies within": (
        [
            "chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/1.jpeg",
            "chest_xray/chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/1.jpeg",
            "chest_xray/__MACOSX/chest_xray/._train",
        ],
        "use --data {0}/chest_xray",
    ),
    "garbage classification, beside its lists": (
        ["Garbage classification/Garbage classification/{cardboard,glass}/1.jpg",
         "zero-indexed-files.txt", "one-indexed-files-notrash_train.txt"],
        "use --data '{0}/Garbage classification/Garbage classification'",
    ),
    "Microsoft's cats and dogs": (
        ["PetImages/{Cat,Dog}/0.jpg", "PetImages/{Cat,Dog}/Thumbs.db", "readme[1].txt", "MSR-LA - 3467.docx"],
        "use --data {0}/PetImages",
    ),
    "images and annotations in a wrapping folder": (
        ["Dataset/images/{cat,dog}/1.jpg", "Dataset/annotations/{cat,dog}/1.xml", "Dataset/README.md"],
        "use --data {0}/Dataset/images",
    ),
    "Brain MRI, twice": (
        ["{yes,no}/{1,2}.jpg", "brain_tumor_dataset/{yes,no}/{1,2}.jpg"],
        "use --data {0}/brain_tumor_dataset, or --data {0} --classes no,yes to leave it out",
    ),
    "Oxford flowers": (
        ["jpg/image_{00001,00002}.jpg", "imagelabels.mat", "setid.mat"],
        "jpg/ hold images but no class folders",
    ),
    "Fruits-360 from its top": (
        ["fruits-360_dataset/fruits-360/{Training,Test}/{Apple 10,Banana}/1.jpg",
         "fruits-360_dataset/fruits-360/test-multiple_fruits/1.jpg", "fruits-360_dataset/fruits-360/LICENSE"],
        "use --data {0}/fruits-360_dataset/fruits-360",
    ),
    "skin cancer in parts, beside a list": (
        ["HAM10000_images_part_{1,2}/ISIC_{1,2}.jpg", "HAM10000_metadata.csv"],
        "hold images but no class folders; put the images of each class into a folder of its own",
    ),
    "chest X-rays in parts": (
        ["images_{001,002,012}/images/{1,2}.png", "Data_Entry_2017.csv"],
        "images_001/ and images_002/ and images_012/ hold images but no class folders",
    ),
    "Leeds butterflies": (
        ["leedsbutterfly/{images,segmentations}/{001,002}.png", "leedsbutterfly/descriptions/a.txt"],
        "hold images but no class folders",
    ),
    "Intel images one level up": (
        [f"archive/{{seg_train/seg_train,seg_test/seg_test}}/{SCENES}/1.jpg", "archive/seg_pred/seg_pred/1.jpg"],
        "use --train {0}/archive/seg_train/seg_train --test {0}/archive/seg_test/seg_test",
    ),
    "breast histology": (
        ["BreaKHis_v1/slides/breast/{benign,malignant}/SOB/{adenosis,fibro}/40X/1.png"],
        "use --data {0}/BreaKHis_v1/slides/breast/benign/SOB (or --data {0}/BreaKHis_v1/slides/breast --classes benign,malignant",
    ),
    "images and labels in parts": (
        ["coco/{images,labels}/{train,val}/1.jpg"], "train/ and val/ hold images but no class folders",
    ),
    "real and fake faces": (
        ["real_vs_fake/real-vs-fake/{train,valid,test}/{fake,real}/1.jpg", "{train,valid,test}.csv"],
        "use --data {0}/real_vs_fake/real-vs-fake",
    ),
    "birds with their parts": (
        ["CUB/images/{001.Black,002.Laysan}/1.jpg", "CUB/{classes,images}.txt", "segmentations/{001.Black,002.Laysan}/1.png"],
        "CUB, segmentations hold folders of the same names (001.Black, 002.Laysan), so they are parts or variants",
    ),
    "products, each with its parts": (
        ["{bottle,cable}/{train,test}/{good,broken}/1.png"], "use --data {0}/bottle",
    ),
    "images within parts": (
        ["{train,test}/images/{a,b}/1.jpg"], "use --train {0}/train/images --test {0}/test/images",
    ),
    "parts within a part": (
        ["train/{train,test}/{a,b}/1.jpg", "test/{a,b}/1.jpg"],
        "use --train {0}/train/train --test {0}/train/test (or --data {0}/train --classes test,train",
    ),
    "names that a shell would take apart": (
        ["My Photos/it's $HOME/{Äpfel & Birnen,Rosen}/1.jpg"],
        "use --data '{0}/My Photos/it'\"'\"'s $HOME'",
    ),
    "names in capitals": (
        ["{ONE,two}/{Alpha,BETA}/1.jpg"], "ONE, two hold folders of the same names (Alpha, BETA)",
    ),
    "only images": (["{1,2,3}.jpg"], "has files but no class folders"),
}  # fmt: skip


def refusal(data):
    """The line by which `data` is refused, the same in train and doctor; or nothing."""
    try:
        open_source(data)
    except DatasetError as error:
        with pytest.raises(DatasetError) as doctors:
            examine(data)
        assert str(doctors.value) == str(error)
        assert len(str(error).splitlines()) == 1
        return str(error)
    return ""


def advised(text):
    """The options that a refusal advises, with their values as a shell reads them."""
    advice = text.partition(", or ")[0].partition("use --")[2].split(" (or")[0]
    words = shlex.split(f"--{advice}") if advice else []
    return dict(zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize("name", WRONG)
def test_public_layouts_of_another_kind_are_refused_by_name(tmp_path, kind, name):
    """What is refused, and that what it advises is a data set. Archives may be wrapped."""
    files, words = WRONG[name]
    data, folder = data_set(tmp_path, kind, files)
    text = refusal(data)
    if not text and kind == "zip":
        right = find_images(type(data)(advised(words.format(folder))["--data"]))
        found = open_source(data)
        assert found.classes == right.classes and found.parts == right.parts
        return
    assert words.format(data) in text
    options = advised(text)
    if not options:
        assert re.search("put (the images of each class|class folders) into ", text)
        return
    given = {x: options.get(f"--{x}") for x in ("train", "val", "test")}
    given = {x: type(data)(y) for x, y in given.items() if y}
    top = type(data)(options["--data"]) if "--data" in options else None
    root, parts = chosen_parts(top, given)
    found = open_source(root, parts=parts)
    assert len(found.classes) > 1 and found.read(found.samples[0]) == JPEG
    assert found.parts == (tuple(given) or found.parts)


def test_chosen_classes_are_never_refused(tmp_path):
    """They are said to be classes, whatever is in them."""
    data = lay_out(tmp_path, "{male,female}/{old,young}/1.jpg")
    with pytest.raises(DatasetError, match="--classes female,male if they are classes"):
        find_images(data)
    assert find_images(data, ("male", "female")).counts("train") == [2, 2]
    data = lay_out(tmp_path / "d", "{train,test}/1.jpg")
    assert find_images(data, ("test", "train")).classes == ("test", "train")


@pytest.mark.parametrize("files", [["train/{1,2}.jpg", "test/3.jpg"], ["{1,2,3}.jpg"]])
def test_a_list_beside_images_without_class_folders_is_named(tmp_path, files):
    data = lay_out(tmp_path / "my data", *files, "sample_submission.csv", "labels.csv")
    own = "put the images of each class into a folder of its own, or "
    assert refusal(data).endswith(
        f"{own}use --data '{data}/labels.csv' if it names their classes"
    )
    assert refusal(packed(data)).endswith(
        f"{own}unpack the archive and use --data with its 'labels.csv' if it names their classes"
    )


def test_classes_that_are_advised_are_read_back(tmp_path):
    names = ("red, green", "it's", 'say "x"')
    data = lay_out(
        tmp_path, *(f"{x}/1.jpg" for x in (*names, *(f"copy/{y}" for y in names)))
    )
    option, text = shlex.split(classes_option(names))
    assert option == "--classes" and read_classes(text) == names
    with pytest.raises(DatasetError, match="copy beside the other folders holds") as caught:
        find_images(data)
    assert classes_option(sorted(names, key=order)) in str(caught.value)


def test_parts_without_one_to_train_on_are_told(tmp_path):
    data = lay_out(tmp_path / "d", "{test,val}/{a,b}/1.jpg")
    assert refusal(data) == (
        f"{data}: test, val are to validate or to test on, and no folder is to train on; name it "
        f"with --train (or --data {data} --classes test,val if they are classes)"
    )


def test_a_test_folder_of_one_class_with_years_in_it_is_no_deeper_level(tmp_path):
    lay_out(tmp_path, "train/{cat/2019,cat/2020,dog}/1.jpg", "test/cat/{2019,2020}/2.jpg")
    found = find_images(tmp_path)
    assert found.classes == ("cat", "dog") and found.counts("test") == [2, 0]


@pytest.mark.parametrize("name", ["runs", "models", "saved", "Logs", "mine"])
def test_a_run_directory_beside_classes_is_no_class(tmp_path, name, trained):
    lay_out(tmp_path, "{cats,dogs}/1.jpg")
    place = tmp_path / name
    shutil.copytree(trained, place / "first" if name == "runs" else place)
    found = find_images(tmp_path)
    assert found.classes == ("cats", "dogs") and len(found.samples) == 2
    assert any(f"'{name}/': " in x and "not a class" in x for x in found.notes)


@pytest.mark.parametrize(
    "files",
    [
        ["runs/detect/train/{results,confusion_matrix}.png", "runs/detect/train/args.yaml"],
        ["models/{model.h5,architecture.png}"],
        ["checkpoints/ckpt-1.index", "checkpoints/ckpt-1.data-00000-of-00001"],
        ["logs/train/events.out.tfevents.1600000000.host.1.2.v2"],
        ["notebooks/a.ipynb", "notebooks/Makefile"],
        ["weights/{best,last}.pt", "weights/curve.png"],
        ["src/{LICENSE,a.py,README}"],
    ],
)
def test_what_programs_leave_beside_classes_is_no_class(tmp_path, files):
    lay_out(tmp_path, "{cats,dogs}/1.jpg", *files)
    assert find_images(tmp_path).classes == ("cats", "dogs")


def test_classes_may_be_called_models_or_logs(tmp_path):
    """Fashion and firewood: what is in a folder decides, not its name."""
    lay_out(tmp_path, "{models,logs,results}/{1,2}.jpg", "logs/notes.log")
    assert find_images(tmp_path).classes == ("logs", "models", "results")


def test_a_class_of_files_without_extensions_is_a_class(tmp_path):
    data = lay_out(tmp_path, "a/1.jpg", "b/1", "c/1")
    (data / "b" / "1").write_bytes(JPEG)
    (data / "b" / "0readme").write_bytes(b"x")
    assert scan(data).classes == ("a", "b")


def test_of_two_names_for_a_part_the_plainer_wins(tmp_path):
    lay_out(tmp_path, "{Train,test,my_test,TEST_OLD}/{a,b}/1.jpg")
    parts = {k: v.name for k, v in find_parts(tmp_path).items()}
    assert parts == {"train": "Train", "test": "test"}
