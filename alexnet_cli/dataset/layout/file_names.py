"""What files and folders are called that are images, models, or no part of a data set."""

NOT_IMAGES = frozenset({
    ".txt", ".json", ".jsonl", ".csv", ".tsv", ".html", ".htm", ".xml", ".md", ".rst",
    ".rtf", ".db", ".ini", ".part", ".crdownload", ".tmp", ".log", ".py", ".pyc",
    ".ipynb", ".yaml", ".yml", ".toml", ".cfg", ".sh", ".bat", ".npy", ".npz", ".h5",
    ".hdf5", ".keras", ".pt", ".pth", ".ckpt", ".pb", ".pbtxt", ".tflite", ".onnx",
    ".safetensors", ".tfrecord", ".tfrecords", ".parquet", ".arrow", ".zip", ".tar",
    ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".7z", ".rar", ".zst", ".tzst",
    ".lz4", ".pdf", ".doc", ".docx", ".xls", ".xlsx",
    ".ppt", ".pptx", ".odt", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".mp3", ".wav",
    ".mat", ".pkl", ".pickle", ".joblib", ".url", ".lnk", ".webloc", ".aae", ".xmp",
    ".thm", ".modd", ".exe", ".dll", ".so", ".bak", ".sha256", ".md5", ".lock",
    ".partial", ".download", ".opdownload", ".aria2", ".filepart", ".icloud", ".cloud",
    ".cloudf", ".owncloud", ".nextcloud", ".cls",
})  # fmt: skip
"""Extensions, in lower case, of files that are left out without being opened."""

ARCHIVES = frozenset({
    ".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".7z", ".rar",
    ".zst", ".tzst", ".lz4",
})  # fmt: skip
"""Extensions, in lower case, of archives, which are not opened within a data set."""

KNOWN_IMAGES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp",
    ".tif", ".tiff", ".avif", ".avifs", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpf",
    ".jpx", ".j2c", ".jxl", ".jxr", ".ico", ".icns", ".ppm", ".pgm", ".pbm", ".pnm",
    ".pfm", ".mpo", ".pcx", ".sgi", ".rgb", ".bw", ".qoi", ".tga", ".psd", ".svg", ".eps",
    ".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".raf", ".raw", ".dcm",
    ".dicom", ".exr", ".hdr", ".msp", ".sun", ".ras", ".xbm", ".xpm", ".im", ".fits",
    ".nii",
})  # fmt: skip
"""Extensions, in lower case, of what people call images, whether they are read or not."""

JUNK_FOLDERS = frozenset({
    "__macosx", "__pycache__", "$recycle.bin", "recycler", "recycled", "@eadir",
    "#recycle", "@recycle", "@recently-snapshot", "@tmp", "#snapshot", "~snapshot",
    "lost+found", "system volume information", "network trash folder", "temporary items",
    "thevolumesettingsfolder", "found.000", "msdownld.tmp", "desktop folder",
    "resource.frk", "#tmp", "@appstore", "@sharebin",
})  # fmt: skip
"""Folders that systems and programs create, in lower case; hidden ones are left out too."""

JUNK_FILES = frozenset({
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r",
    "folder.htt", "zbthumbnail.info",
})  # fmt: skip
"""Files that systems create, in lower case."""

EVENTS = "events.out.tfevents."
"""How TensorBoard's files are called."""
MODELS = frozenset({
    ".h5", ".hdf5", ".keras", ".pt", ".pth", ".ckpt", ".pb", ".tflite", ".onnx",
    ".safetensors", ".index",
})  # fmt: skip
"""Extensions, in lower case, of models."""
